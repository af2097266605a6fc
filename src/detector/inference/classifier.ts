// A network that names what it is shown: framed picture in, one class out.
import { InternalError, StartupError } from '../../errors.js';
import type { FramedPicture } from '../images/frame.js';
import { originWords } from '../models/model-words.js';
import type { Network } from './network.js';
import { mayBeShares, scoresOf, verdictOf, type Scores, type Verdict } from './outputs/classes.js';

export class Classifier {
  readonly network: Network;
  /** How it was read, for the log. */
  readonly description: string;
  readonly #scores: Scores;

  private constructor(network: Network, scores: Scores) {
    this.network = network;
    this.#scores = scores;
    const { scores: said, confidenceThreshold } = network.spec;
    this.description = [
      network.description,
      `${scores} (${said === null ? 'by trying' : originWords.sidecar})`,
      confidenceThreshold === null ? 'the best class counts' : `what is above ${confidenceThreshold} counts`,
    ].join('; ');
  }

  /** Null where the network is a detector. */
  static async over(network: Network): Promise<Classifier | null> {
    const { spec, reading, framing } = network;
    if (reading.kind !== 'classifier') return null;
    const size = 3 * framing.width * framing.height;
    const pictures = [
      new Uint8Array(size).fill(114),
      Uint8Array.from({ length: size }, (_, at) => (at * 97) % 256),
    ];
    const outputs: Float32Array[] = [];
    for (const pixels of pictures) outputs.push((await network.tryOut(pixels)).data);
    if (spec.scores === 'probabilities' && !mayBeShares(outputs)) {
      throw new StartupError(
        `the model ${spec.name} answers with numbers that are not from 0 to 1, but its .yaml file says that they are probabilities`,
        'say scores: logits in the .yaml file beside the model',
      );
    }
    if (spec.scores !== null) return new Classifier(network, spec.scores);
    const isOne = reading.output.shape[1] === 1;
    const scores = isOne ? null : scoresOf(outputs);
    if (scores !== null) return new Classifier(network, scores);
    throw new StartupError(
      `the model ${spec.name} answers with ${isOne ? 'one number' : 'numbers from 0 to 1 whose sum is not 1'}, which may be logits or probabilities`,
      'say scores: logits (where the graph ends without sigmoid or softmax) or scores: probabilities in the .yaml file beside the model (docs/models.md)',
    );
  }

  /** The best class; null where it is not above the threshold that somebody has set. Throws InternalError. */
  async judge(picture: FramedPicture): Promise<Verdict | null> {
    const { name, confidenceThreshold } = this.network.spec;
    const { data } = await this.network.look(picture);
    const verdict = verdictOf(data, this.#scores);
    if (verdict === null) {
      throw new InternalError({
        cause: new Error(`the model ${name} answered with something that is no number`),
      });
    }
    return confidenceThreshold !== null && !(verdict.confidence > confidenceThreshold) ? null : verdict;
  }
}
