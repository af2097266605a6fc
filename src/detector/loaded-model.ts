// A model with its inference thread, and how many images are left to it: after a change it judges those and then ends.
import { InferenceThread } from './inference/inference-thread.js';
import type { ThreadAnswer } from './inference/thread-answer.js';
import type { ImageSource, ThreadOptions } from './inference/thread-messages.js';
import type { Model } from './models/model-spec.js';

export class LoadedModel {
  readonly #thread: InferenceThread;
  /** Images that are here, are to be judged by it, and are not answered: what ends with each. */
  readonly #queued = new Set<Promise<unknown>>();
  /** Images of requests that were begun with it, and are not answered; those whose bytes are still to come among them. */
  #expected = 0;
  #isPatient = true;
  #onLess: () => void = () => undefined;
  #closing: Promise<void> | null = null;

  private constructor(thread: InferenceThread) {
    this.#thread = thread;
  }

  /** Resolves when the model has run once. Throws StartupError where it cannot serve. */
  static async start(options: ThreadOptions): Promise<LoadedModel> {
    return new LoadedModel(await InferenceThread.start(options));
  }

  get model(): Model {
    return this.#thread.model;
  }

  /** Images that are being decoded or inferred. */
  get outstanding(): number {
    return this.#thread.outstanding;
  }

  /** False once it ends: it can judge nothing more. */
  get isOpen(): boolean {
    return this.#closing === null;
  }

  /** An image is to be judged by it, until `answered`. */
  queue(answered: Promise<unknown>): void {
    this.#queued.add(answered);
    void answered.then(() => {
      this.#queued.delete(answered);
      this.#onLess();
    });
  }

  /** A request has been begun with it, of which an image is there or to come, until `answered`. */
  expect(answered: Promise<unknown>): void {
    this.#expected += 1;
    void answered.then(() => {
      this.#expected -= 1;
      this.#onLess();
    });
  }

  judge(source: ImageSource): Promise<ThreadAnswer> {
    return this.#thread.judge(source);
  }

  /** Resolves when the images that are here now are answered. */
  async answered(): Promise<void> {
    await Promise.all(this.#queued);
  }

  /** Ends when what was begun with it is answered; what is still to come then, it does not wait for longer than `patienceMs`. */
  async retire(patienceMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.hurry();
    }, patienceMs);
    await new Promise<void>((resolve) => {
      this.#onLess = () => {
        if (this.#queued.size > 0 || (this.#expected > 0 && this.#isPatient)) return;
        clearTimeout(timer);
        // At once: nobody may find it open in between.
        resolve(this.close());
      };
      this.#onLess();
    });
  }

  /** Waits for nothing that is still to come. */
  hurry(): void {
    this.#isPatient = false;
    this.#onLess();
  }

  /** Ends after the images that it has. */
  close(): Promise<void> {
    return (this.#closing ??= this.#thread.close());
  }
}
