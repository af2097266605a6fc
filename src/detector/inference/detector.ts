// A network that finds things: framed picture in, boxes out.
import { StartupError } from '../../errors.js';
import { toImage, type Box, type FramedPicture } from '../images/frame.js';
import type { Network } from './network.js';
import { endToEndCandidates, yoloV5Candidates, yoloV8Candidates, type OutputData } from './outputs/boxes.js';
import { implausible } from './outputs/plausible.js';
import { bestFirst, detectionsMax, suppress, type Candidate } from './outputs/suppression.js';

/** What was found somewhere. */
export interface Finding {
  readonly classIndex: number;
  /** 0 to 1. */
  readonly confidence: number;
  /** Pixels of the upright image. */
  readonly box: Box;
}

/** Where nobody says anything: better no verdict than a doubtful one. */
const usualThreshold = 0.5;

export class Detector {
  readonly network: Network;
  /** How it was read, for the log. */
  readonly description: string;
  readonly #kind: 'yolo-v5' | 'yolo-v8' | 'end-to-end';
  readonly #threshold: number;

  private constructor(network: Network, kind: 'yolo-v5' | 'yolo-v8' | 'end-to-end') {
    this.network = network;
    this.#kind = kind;
    this.#threshold = network.spec.confidenceThreshold ?? usualThreshold;
    const { iouThreshold, suppressAcrossClasses } = network.spec;
    const which = suppressAcrossClasses ? 'of any class' : 'of its class';
    this.description = [
      network.description,
      `what is above ${this.#threshold} counts`,
      kind === 'end-to-end'
        ? 'overlaps are settled in the graph'
        : `a box that overlaps a better one ${which} by more than ${iouThreshold} is dropped`,
    ].join('; ');
  }

  /** Null where the network is a classifier. Throws StartupError where its output is not what its shape promised. */
  static async over(network: Network): Promise<Detector | null> {
    const { spec, reading, framing } = network;
    if (reading.kind === 'classifier') return null;
    const pixels = new Uint8Array(3 * framing.width * framing.height).fill(framing.fill);
    const problem = implausible(reading.kind, await network.tryOut(pixels));
    if (problem === null) return new Detector(network, reading.kind);
    throw new StartupError(
      `the model ${spec.name} was read as ${reading.kind}, but ${problem}`,
      'export it in another form (docs/models.md), or say kind in the .yaml file beside the model',
    );
  }

  /** Everything above the threshold, best first. What lies in the padding shows nothing of the picture. */
  async find(picture: FramedPicture): Promise<readonly Finding[]> {
    const candidates = this.#candidates(await this.network.look(picture));
    return candidates
      .map(({ box, classIndex, score }) => ({
        classIndex,
        confidence: score,
        box: toImage(box, picture.frame),
      }))
      .filter(({ box: [left, top, right, bottom] }) => right > left && bottom > top);
  }

  #candidates(output: OutputData): readonly Candidate[] {
    const { classes, iouThreshold, suppressAcrossClasses } = this.network.spec;
    const suppression = { iouThreshold, acrossClasses: suppressAcrossClasses };
    switch (this.#kind) {
      case 'yolo-v5':
        return suppress(yoloV5Candidates(output, this.#threshold), suppression);
      case 'yolo-v8':
        return suppress(yoloV8Candidates(output, this.#threshold), suppression);
      case 'end-to-end':
        return bestFirst(endToEndCandidates(output, this.#threshold, classes?.length ?? null)).slice(
          0,
          detectionsMax,
        );
      default:
        return this.#kind satisfies never;
    }
  }
}
