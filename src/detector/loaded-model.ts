// A model with its inference thread, and how many images are promised to it: after a change it serves those and then ends.
import { InferenceThread } from './inference/inference-thread.js';
import type { ThreadAnswer } from './inference/thread-answer.js';
import type { ImageSource, ThreadOptions } from './inference/thread-messages.js';
import type { Model } from './models/model-spec.js';

export class LoadedModel {
  readonly #thread: InferenceThread;
  /** Images that are to be judged by it and are not answered. */
  #promised = 0;
  #retired: { readonly onDone: () => void } | null = null;
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

  promise(images: number): void {
    this.#promised += images;
  }

  /** One that was promised is answered, in whichever way. */
  keep(): void {
    this.#promised -= 1;
    this.#endWhenDone();
  }

  judge(source: ImageSource): Promise<ThreadAnswer> {
    return this.#thread.judge(source);
  }

  /** Another model serves from now on. Resolves when this one has kept its promises and its memory is free. */
  async retire(): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#retired = { onDone: resolve };
    });
    this.#endWhenDone();
    await done;
    await this.close();
  }

  /** Ends after the images that it has. */
  close(): Promise<void> {
    return (this.#closing ??= this.#thread.close());
  }

  #endWhenDone(): void {
    if (this.#retired !== null && this.#promised === 0) this.#retired.onDone();
  }
}
