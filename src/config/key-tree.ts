// The schema as a tree of sections and keys, to walk beside what somebody wrote, and each key's demand in words.
// It is derived from the schema alone, so a new key needs nothing here.
import { z } from 'zod';
import { configSchema } from './schema.js';

export interface Section {
  readonly type: 'section';
  readonly path: string;
  readonly children: ReadonlyMap<string, Section | Key>;
}

export interface Key {
  readonly type: 'key';
  readonly path: string;
  readonly schema: z.ZodType;
  /** What a value must be, such as "a whole number from 0 to 65535". */
  readonly expected: string;
  /** Whether every value but null is a text, so that 123 on the command line is meant as one. */
  readonly wantsText: boolean;
}

type JsonSchema = z.core.JSONSchema._JSONSchema;

export const keyTree: Section = sectionOf(configSchema, []);

/** The paths of all sections and keys, in the order of the schema. */
export const knownPaths: readonly string[] = pathsBelow(keyTree);

function sectionOf(schema: z.ZodObject, path: readonly string[]): Section {
  const children = new Map<string, Section | Key>();
  for (const [name, child] of Object.entries(schema.shape)) {
    const childPath = [...path, name];
    const inner: unknown = child instanceof z.ZodPrefault ? child.unwrap() : child;
    if (inner instanceof z.ZodObject) children.set(name, sectionOf(inner, childPath));
    else if (child instanceof z.ZodType) children.set(name, keyOf(child, childPath));
  }
  return { type: 'section', path: path.join('.'), children };
}

function keyOf(schema: z.ZodType, path: readonly string[]): Key {
  const json: Exclude<JsonSchema, boolean> = z.toJSONSchema(schema);
  const wantsText = (json.anyOf ?? [json]).every(
    (choice) => typeof choice === 'object' && (choice.type === 'string' || choice.type === 'null'),
  );
  return { type: 'key', path: path.join('.'), schema, expected: inWords(json), wantsText };
}

function pathsBelow(section: Section): string[] {
  return [...section.children.values()].flatMap((child) =>
    child.type === 'section' ? [child.path, ...pathsBelow(child)] : [child.path],
  );
}

/** What a JSON Schema demands, in plain words; only of those forms that our schema has. */
export function inWords(schema: JsonSchema): string {
  if (typeof schema === 'boolean') return 'anything';
  if (schema.anyOf !== undefined) return schema.anyOf.map(inWords).join(', or ').replace('", or ', '" or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  switch (schema.type) {
    case 'null':
      return 'null';
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number${rangeInWords(schema)}`;
    case 'number':
      return `a number${rangeInWords(schema)}`;
    case 'array':
      return `a list of ${schema.minItems === undefined ? '' : `${schema.minItems} or more `}${pluralOf(schema.items)}`;
    default:
      return textInWords(schema);
  }
}

function rangeInWords({ minimum, exclusiveMinimum, maximum }: Exclude<JsonSchema, boolean>): string {
  const above = exclusiveMinimum === undefined ? '' : ` above ${exclusiveMinimum}`;
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  if (maximum === undefined) return above;
  return above === '' ? ` of at most ${maximum}` : `${above} and at most ${maximum}`;
}

function textInWords({ minLength, maxLength }: Exclude<JsonSchema, boolean>): string {
  if (maxLength !== undefined) return `a text of at most ${maxLength} characters`;
  return minLength === undefined ? 'a text' : 'a non-empty text';
}

function pluralOf(items: Exclude<JsonSchema, boolean>['items']): string {
  if (typeof items !== 'object' || Array.isArray(items)) return 'values';
  return items.type === 'string' ? `${textInWords(items).replace(/^a /, '')}s` : 'values';
}
