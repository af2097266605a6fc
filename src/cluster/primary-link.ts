// A worker's line to its primary: typed messages, requests with answers, and the news that the primary is gone.
import { Socket } from 'node:net';
import { errorCodes, StoreUnavailableError } from '../errors.js';
import type { ViewChannel } from '../connections/embedded-store.js';
import { kickAnswers, kickerName, kickTimeoutMs, type KickAnswer, type Kicker } from '../connections/kick.js';
import type { ViewReply, ViewRequest } from '../connections/view-messages.js';
import type { PlaceAnswer } from '../server/entrance/peer-admission.js';
import type { PlacesChannel } from './primary-admission.js';
import { monotonicMs } from './monotonic.js';
import type { Change, ChangeAnswer, Changer } from '../settings/change.js';
import type { SettingsFollower } from '../settings/settings-follower.js';
import { toWorkerSchema, type ToPrimary, type TokenAnswer, type WorkerStart } from './messages.js';
import type { TokenChannel } from './primary-tokens.js';

interface Waiting {
  readonly resolve: (reply: ViewReply) => void;
  readonly reject: (error: Error) => void;
}

/** Whether the change was made can be seen at the next start only. */
const primaryGone: ChangeAnswer = {
  ok: false,
  code: errorCodes.internalError,
  message: 'the server is being restarted; ask what serves then',
};

export class PrimaryLink implements ViewChannel, PlacesChannel, TokenChannel, Kicker, Changer {
  readonly #waiting = new Map<number, Waiting>();
  readonly #asked = new Map<number, (answers: readonly PlaceAnswer[] | null) => void>();
  readonly #tokens = new Map<number, (answer: TokenAnswer | null) => void>();
  readonly #changes = new Map<number, (answer: ChangeAnswer) => void>();
  readonly #kicks = new Map<number, (answers: readonly KickAnswer[]) => void>();
  #lastId = 0;
  /** Resolves when the primary asks this worker to end (`asked`), or is gone itself (`orphan`). */
  readonly ending: Promise<'asked' | 'orphan'>;
  /** Takes the connections that the primary gives this worker. */
  onConnection: (socket: Socket) => void = (socket) => socket.destroy();
  /** Takes the primary's word whom to help. */
  onHelp: (lender: string, socketPath: string) => void = () => undefined;
  /** Disconnects those of these peers that this worker has; gives their ids. */
  onDisconnect: (ids: readonly string[], by: string) => readonly string[] = () => [];
  /** Follows changes of the settings. */
  follower: Pick<SettingsFollower, 'prepare' | 'commit' | 'abort'> | null = null;
  #onStart: (start: WorkerStart) => void = () => undefined;
  #onEnding: (why: 'asked' | 'orphan') => void = () => undefined;

  constructor() {
    this.ending = new Promise((resolve) => {
      this.#onEnding = resolve;
    });
    process.on('message', (raw, handle) => {
      const message = toWorkerSchema.parse(raw);
      switch (message.type) {
        case 'start':
          this.#onStart(message.start);
          return;
        case 'connection':
          // Before anything of it is read: until then the primary may give it to another worker.
          void this.send({ type: 'taken', connection: message.connection });
          // Without a handle it was gone before it came here.
          if (handle instanceof Socket) this.onConnection(handle);
          return;
        case 'view': {
          const waiting = this.#waiting.get(message.id);
          this.#waiting.delete(message.id);
          waiting?.resolve(message.reply);
          return;
        }
        case 'places': {
          const resolve = this.#asked.get(message.id);
          this.#asked.delete(message.id);
          resolve?.(message.answers);
          return;
        }
        case 'token':
          this.#tokens.get(message.id)?.(message);
          this.#tokens.delete(message.id);
          return;
        case 'help':
          this.onHelp(message.lender, message.socketPath);
          return;
        case 'disconnect': {
          // Held up for long: whoever asked has been told that nobody answers.
          const isLate = monotonicMs() > message.untilMs;
          const ids = isLate ? [] : this.onDisconnect(message.ids, message.by);
          void this.send({ type: 'disconnected', id: message.id, ids });
          return;
        }
        case 'kick':
          this.#kicks.get(message.id)?.(message.answers);
          return;
        case 'changed':
          this.#changes.get(message.id)?.(message.answer);
          this.#changes.delete(message.id);
          return;
        case 'prepare':
          this.follower?.prepare(message.round, message.settings);
          return;
        case 'commit':
        case 'abort':
          this.follower?.[message.type](message.round);
          return;
        case 'stop':
          this.#onEnding('asked');
          return;
        default:
          message satisfies never;
      }
    });
    process.on('disconnect', () => {
      for (const { reject } of this.#waiting.values())
        reject(new StoreUnavailableError('the primary is gone'));
      this.#waiting.clear();
      for (const resolve of this.#asked.values()) resolve(null);
      this.#asked.clear();
      for (const resolve of this.#tokens.values()) resolve(null);
      this.#tokens.clear();
      for (const resolve of this.#changes.values()) resolve(primaryGone);
      this.#changes.clear();
      for (const resolve of this.#kicks.values()) resolve([]);
      this.#onEnding('orphan');
    });
  }

  /** Asks the primary what to be. */
  start(): Promise<WorkerStart> {
    return new Promise((resolve) => {
      this.#onStart = resolve;
      void this.send({ type: 'booted' });
    });
  }

  /** Resolves when the message is on its way; a primary that is gone is told by `ending`, not here. */
  send(message: ToPrimary): Promise<void> {
    return new Promise((resolve) => {
      if (!process.connected || process.send === undefined) resolve();
      else
        process.send(message, undefined, undefined, () => {
          resolve();
        });
    });
  }

  request(request: ViewRequest): Promise<ViewReply> {
    if (!process.connected) return Promise.reject(new StoreUnavailableError('the primary is gone'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      void this.send({ type: 'view', id, request });
    });
  }

  places(left: readonly string[], arrived: readonly string[]): Promise<readonly PlaceAnswer[] | null> {
    if (!process.connected) return Promise.resolve(null);
    const id = ++this.#lastId;
    const message: ToPrimary = { type: 'places', id, left: [...left], arrived: [...arrived] };
    if (arrived.length === 0) return this.send(message).then(() => []);
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      void this.send(message);
    });
  }

  askToken(hash: string, address: string): { id: number; answer: Promise<TokenAnswer | null> } {
    const id = ++this.#lastId;
    if (!process.connected) return { id, answer: Promise.resolve(null) };
    const answer = new Promise<TokenAnswer | null>((resolve) => {
      this.#tokens.set(id, resolve);
      void this.send({ type: 'token', id, hash, address });
    });
    return { id, answer };
  }

  withdrawTokens(ids: readonly number[]): void {
    void this.send({ type: 'tokens withdrawn', ids });
  }

  change(change: Change, by: string): Promise<ChangeAnswer> {
    if (!process.connected) return Promise.resolve(primaryGone);
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#changes.set(id, resolve);
      void this.send({ type: 'change', id, change, by });
    });
  }

  async kick(ids: readonly string[], by: string): Promise<readonly KickAnswer[]> {
    if (!process.connected) return kickAnswers(ids, () => 'owner unreachable');
    const id = ++this.#lastId;
    const answers = await new Promise<readonly KickAnswer[]>((resolve) => {
      const timer = setTimeout(resolve, kickTimeoutMs, []);
      this.#kicks.set(id, (given) => {
        clearTimeout(timer);
        resolve(given);
      });
      const untilMs = monotonicMs() + kickTimeoutMs;
      void this.send({ type: 'kick', id, ids: [...ids], by: kickerName(by), untilMs });
    });
    this.#kicks.delete(id);
    return answers.length > 0 ? answers : kickAnswers(ids, () => 'no answer');
  }
}
