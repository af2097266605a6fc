// Labels in a JSON file, in one of two forms: a list of photos, or COCO as annotation programs write it.
import { z } from 'zod';
import { StartupError } from '../../../errors.js';
import type { Box } from '../../../detector/images/frame.js';
import { noPear, type ClassNames } from '../class-names.js';
import { isBox, boxMistake } from './box.js';
import type { Label } from './label.js';
import { lineAt, lineOfPath } from './text-lines.js';

const box = z
  .tuple([z.number(), z.number(), z.number(), z.number()])
  .refine((edges) => isBox(edges), { error: boxMistake });

const listSchema = z.array(
  z.strictObject({
    file: z.string().min(1),
    /** null: no pear; left out: nobody has said. */
    class: z.string().min(1).nullable().optional(),
    boxes: z.array(box).optional(),
  }),
);

const cocoSchema = z.object({
  categories: z.array(z.object({ id: z.int(), name: z.string() })),
  images: z.array(z.object({ id: z.int(), file_name: z.string().min(1), label: z.string().optional() })),
  annotations: z.array(
    z.object({
      image_id: z.int(),
      category_id: z.int(),
      /** left, top, width, height */
      bbox: z.tuple([z.number(), z.number(), z.number().min(0), z.number().min(0)]),
    }),
  ),
});
type Coco = z.output<typeof cocoSchema>;

const cure = 'docs/models.md shows the forms that are read';

/** `file`: for messages. Throws StartupError. */
export function readJsonLabels(text: string, file: string, classes: ClassNames): readonly Label[] {
  const value = parse(text, file);
  if (Array.isArray(value)) {
    return checked(listSchema, value, text, file).map(({ file: name, class: said, boxes }, index) => ({
      name,
      label: said === undefined ? undefined : said === null ? noPear : classes.of(said),
      boxes,
      origin: () => `${file}, line ${lineOfPath(text, [index])}`,
    }));
  }
  return fromCoco(checked(cocoSchema, value, text, file), text, file, classes);
}

function fromCoco(coco: Coco, text: string, file: string, classes: ClassNames): readonly Label[] {
  const ids = new Set(coco.images.map(({ id }) => id));
  const stray = coco.annotations.findIndex(({ image_id }) => !ids.has(image_id));
  if (stray !== -1) {
    const line = lineOfPath(text, ['annotations', stray, 'image_id']);
    throw new StartupError(
      `${file}, line ${line}: no image has the id ${coco.annotations[stray]?.image_id}`,
      'correct image_id, or take the annotation out',
    );
  }
  const pears = pearCategories(coco);
  const boxes = new Map<number, { readonly box: Box; readonly category: string }[]>();
  for (const { image_id, category_id, bbox } of coco.annotations) {
    const category = pears.get(category_id);
    if (category === undefined) continue;
    const [x, y, width, height] = bbox;
    const of = boxes.get(image_id) ?? [];
    // A box without an area is a slip of the mouse.
    if (width > 0 && height > 0) of.push({ box: [x, y, x + width, y + height], category });
    boxes.set(image_id, of);
  }
  return coco.images.map(({ id, file_name: name, label: said }, index) => {
    const of = boxes.get(id) ?? [];
    return {
      name,
      label: said === undefined ? labelOfBoxes(of, classes) : classes.of(said),
      boxes: of.map((each) => each.box),
      origin: () => `${file}, line ${lineOfPath(text, ['images', index])}`,
    };
  });
}

/** Where a category is called pear its boxes alone are pears; else the categories are classes of pears. */
function pearCategories({ categories }: Coco): ReadonlyMap<number, string> {
  const pears = categories.filter(({ name }) => name.toLowerCase() === 'pear');
  return new Map((pears.length > 0 ? pears : categories).map(({ id, name }) => [id, name]));
}

/** Without a label a photo without a pear says itself what it shows, and so do boxes whose one category is a class. */
function labelOfBoxes(
  boxes: readonly { readonly category: string }[],
  classes: ClassNames,
): string | undefined {
  const said = new Set(boxes.map(({ category }) => category));
  const [only = noPear, ...others] = said;
  return others.length > 0 || only.toLowerCase() === 'pear' ? undefined : classes.of(only);
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const position = /at position (\d+)/.exec(reason)?.[1];
    const end = /end of JSON/.test(reason) ? text.length : null;
    const line = position === undefined && end === null ? null : lineAt(text, Number(position ?? end));
    throw new StartupError(
      `${file}${line === null ? '' : `, line ${line}`}: this is no JSON (${reason.split('\n')[0] ?? ''})`,
      cure,
      { cause },
    );
  }
}

function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  text: string,
  file: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path ?? [];
  const at = path.length === 0 ? '' : ` ${path.join('.')}:`;
  throw new StartupError(
    `${file}, line ${lineOfPath(text, path)}:${at} ${issue?.message ?? 'it has the wrong form'}`,
    cure,
  );
}
