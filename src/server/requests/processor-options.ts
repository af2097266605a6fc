// What RequestProcessor is given, what it tells, and what it says of the bytes behind a message.
import type { CommandRegistry } from '../../handlers/base-handler.js';
import type { TextDecode } from '../../text-encoding.js';
import type { TokenCheck } from '../authenticator.js';
import type { LoadLimits } from './peer-load.js';

/** The same for all peers. */
export interface ProcessorOptions extends LoadLimits {
  readonly registry: CommandRegistry;
  readonly authenticator: TokenCheck;
  readonly decode: TextDecode;
  readonly replyTerminator: string;
  readonly maxImageBytes: number;
  /** Commas, strings and hexadecimal integers in one request. */
  readonly maxTokens: number;
  readonly requestTimeoutMs: number;
  /** Requests that may be started and not answered; more of them wait. */
  readonly maxPendingRequests: number;
}

export interface ProcessorEvents {
  /** A reply, in its order. */
  onReply(bytes: Buffer): void;
  /** Something was answered or released: the peer may be read again, or is done. */
  onProgress(): void;
  /** A fault of our own, for the log. */
  onFault(command: string, reason: string): void;
  /** The gate has refused a request. */
  onNotPermitted(reason: string): void;
  /** It has shown a token of ours, and so its name or its role is another one. */
  onAuthenticated(): void;
  /** Whether replies wait because the peer does not take them; nothing is started then. */
  readonly isBackedUp: boolean;
  /** Whether this peer's turn in the event loop goes on; else `resume` is called when its next one comes. */
  readonly mayGoOn: boolean;
}

/** What the framing has to do with the bytes behind a message. */
export type Followup =
  | { readonly type: 'none' }
  | { readonly type: 'attachments'; readonly sizes: readonly number[]; readonly keep: boolean }
  /** The next request cannot be found: answer what is owed, then close. */
  | { readonly type: 'close' };
