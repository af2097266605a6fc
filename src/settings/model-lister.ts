// Lists the models of a folder for everybody who asks. A share that hangs must not take more than one thread of the pool,
// which decodes images, too: whoever asks while the folder is read waits for the next reading, which sees what is there now.
import { DeadlineError } from '../errors.js';
import { inTime } from '../in-time.js';
import { listModels } from './model-files.js';

type Read = (folder: string) => Promise<string[]>;

export class ModelLister {
  readonly #timeoutMs: number;
  readonly #read: Read;
  #running: Promise<string[]> | null = null;
  #next: Promise<string[]> | null = null;

  constructor(timeoutMs: number, read: Read = listModels) {
    this.#timeoutMs = timeoutMs;
    this.#read = read;
  }

  /** Names of the models in the folder that `folder` gives when it is read. Rejects with DeadlineError, or as the reading does. */
  list(folder: () => string): Promise<string[]> {
    return inTime(
      this.#reading(folder),
      this.#timeoutMs,
      () => new DeadlineError('the folder does not answer'),
    );
  }

  #reading(folder: () => string): Promise<string[]> {
    if (this.#running === null) {
      this.#running = this.#read(folder()).finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    const read = () => {
      this.#next = null;
      return this.#reading(folder);
    };
    this.#next ??= this.#running.then(read, read);
    return this.#next;
  }
}
