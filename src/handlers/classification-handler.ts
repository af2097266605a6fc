// 0x01 judges images, 0x03 stops what its peer has asked for.
import { z } from 'zod';
import type { Outcome } from '../detector/queue/batch.js';
import type { Model } from '../detector/models/model-spec.js';
import type { PearDetector } from '../detector/pear-detector.js';
import type { Detection } from '../detector/inference/thread-answer.js';
import { InvalidImageError, errorCodes } from '../errors.js';
import type { JsonValue } from '../protocol/json.js';
import type { ResponseItem } from '../protocol/reply.js';
import { classificationCommand } from '../protocol/request.js';
import type { CurrentSettings } from '../settings/settings.js';
import { BaseHandler, noArguments, outcomes } from './base-handler.js';
import { defineCommand, type CommandContext } from './command.js';
import { textArgument } from './text-argument.js';

/** Longer ones name no file, and come back in the reply. */
const nameLengthMax = 1024;
const imageName = textArgument(nameLengthMax, (name) => /\.(jpe?g|png|webp)$/i.test(name));
const label = textArgument(255);

/**
 * An element of `request_data`: a name, an image inside the message, or one behind it. What is inside is decoded at
 * once, so that the text of the message need not be kept.
 */
const imageSchema = (maxImageBytes: number) =>
  z.union([
    imageName.transform((name) => ({ type: 'file' as const, fileName: name })),
    z
      .object({ file_name: label, data: z.string(), bytes: z.never().optional() })
      .transform(({ file_name, data }) => ({
        type: 'data' as const,
        fileName: file_name,
        bytes: fromBase64(data, maxImageBytes),
      })),
    z
      .object({ file_name: label, bytes: z.int(), data: z.never().optional() })
      .transform(({ file_name }) => ({ type: 'attached' as const, fileName: file_name })),
  ]);
type Image = z.output<ReturnType<typeof imageSchema>>;

export interface ClassificationOptions {
  readonly detector: PearDetector;
  readonly settings: CurrentSettings;
  readonly maxBatch: number;
  readonly maxImageBytes: number;
}

export class ClassificationHandler extends BaseHandler {
  readonly #options: ClassificationOptions;
  readonly commands;

  constructor(options: ClassificationOptions) {
    super();
    this.#options = options;
    this.commands = [
      defineCommand({
        code: classificationCommand,
        name: 'classification',
        role: 'operator',
        order: 'classification',
        args: z.array(imageSchema(options.maxImageBytes)).min(1),
        maxArguments: options.maxBatch,
        expected:
          `1 to ${options.maxBatch} images, each a name of at most ${nameLengthMax} characters that ends in .jpg, .jpeg, .png or .webp, ` +
          'or an object with file_name and either data (base64) or bytes (a count)',
        images: (images) => images.length,
        run: (images, context) => this.#classify(images, context),
      }),
      defineCommand({
        code: 0x03,
        name: 'stop classification',
        role: 'operator',
        order: 'stop',
        args: noArguments,
        expected: 'empty or null',
        run: (_none, context) => {
          context.stopClassifications();
          return Promise.resolve([{ result: outcomes.success, error_code: errorCodes.noError }]);
        },
      }),
    ];
  }

  async #classify(images: readonly Image[], context: CommandContext): Promise<readonly ResponseItem[]> {
    const { detector, settings } = this.#options;
    // Bound together, at once: a change in between would mix two settings.
    const { images: folder } = settings.current;
    const batch = detector.submit(context.owner, images.length, ...context.signals);
    const attachments = context.attachments.values();
    images.forEach((image, index) => {
      switch (image.type) {
        case 'file':
          batch.provide(index, { type: 'file', folder: folder.path, name: image.fileName });
          return;
        case 'data':
          if (image.bytes instanceof InvalidImageError) batch.refuse(index, image.bytes);
          else batch.provide(index, { type: 'bytes', bytes: image.bytes });
          return;
        case 'attached': {
          const attachment = attachments.next().value;
          void attachment?.bytes.then((bytes) => {
            batch.provide(index, { type: 'bytes', bytes });
          });
          void batch.slots[index]?.outcome.then(() => attachment?.release());
          return;
        }
        default:
          image satisfies never;
      }
    });
    const judged = await batch.outcomes;
    return judged.map((outcome, index) => {
      context.onImage(outcome.ok ? outcome.verdict.result : null);
      return toItem(images[index]?.fileName ?? null, outcome, context.detail);
    });
  }
}

/** The bytes that `data` stands for, in memory of their own that may be transferred to a thread. */
function fromBase64(data: string, maxBytes: number): Uint8Array<ArrayBuffer> | InvalidImageError {
  const padding = data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0;
  // A search for what is wrong, since a match of all that is right would go back over a long text.
  if (data.length % 4 !== 0 || /[^A-Za-z0-9+/]/.test(data.slice(0, data.length - padding))) {
    return new InvalidImageError('data is not base64');
  }
  const bytes = new Uint8Array(Buffer.byteLength(data, 'base64'));
  if (bytes.length > maxBytes) return new InvalidImageError('the image is too large');
  Buffer.from(bytes.buffer).write(data, 'base64');
  return bytes;
}

function toItem(fileName: string | null, outcome: Outcome, detail: boolean): ResponseItem {
  const item = outcome.ok
    ? { file_name: fileName, result: outcome.verdict.result, error_code: errorCodes.noError }
    : { file_name: fileName, result: null, error_code: outcome.error.code };
  return detail ? { ...item, ...details(outcome) } : item;
}

function details(outcome: Outcome): ResponseItem {
  if (!outcome.ok) {
    return { label: null, confidence: null, bbox: null, detections: [], model: null, timing_ms: null };
  }
  const { detections, model, timingMs } = outcome.verdict;
  const all = detections.map((detection) => describe(detection, model));
  const { queue, decode, inference, total } = timingMs;
  return {
    ...(all[0] ?? { label: null, confidence: null, bbox: null }),
    detections: all,
    model: { name: model.name, sha256: model.sha256 },
    timing_ms: {
      queue: round(queue, 2),
      decode: round(decode, 2),
      inference: round(inference, 2),
      total: round(total, 2),
    },
  };
}

function describe(detection: Detection, model: Model): { readonly [key: string]: JsonValue } {
  return {
    label: model.classes[detection.classIndex] ?? null,
    confidence: round(detection.confidence, 4),
    bbox: detection.box?.map((value) => round(value, 1)) ?? null,
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
