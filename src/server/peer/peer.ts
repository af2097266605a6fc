// One connection: bytes in (intake.ts), replies out (outgoing.ts), and everything that can go wrong with a socket in
// between. It slows a peer down by not reading it and never holds more of it than its limits say.
import type { Socket } from 'node:net';
import type { CloseReason } from '../../connections/record.js';
import { DeadlineError } from '../../errors.js';
import type { ConnectionLog } from '../connection-log.js';
import { Allowance } from './allowance.js';
import { Draining } from './draining.js';
import { IdleWatch } from './idle-watch.js';
import { Intake, type IntakeEvents } from './intake.js';
import { Outgoing, type OutgoingEvents } from './outgoing.js';
import type { PeerLimits } from './peer-limits.js';
import { PeerLog } from './peer-log.js';
import type { PeerStats } from './peer-stats.js';
import type { ProcessorEvents, ProcessorOptions } from '../requests/processor-options.js';
import { RequestProcessor } from '../requests/request-processor.js';
import { Reading } from './reading.js';
import type { Room, RoomShare } from '../room.js';
import { Turn } from './turn.js';
import type { Turns } from './turns.js';

/** One for all peers of the worker: a peer that rests should hold next to nothing of its own. */
export interface PeerOptions {
  readonly limits: PeerLimits;
  readonly processor: ProcessorOptions;
  /** What all peers of the worker share. */
  readonly room: Room;
  readonly turns: Turns;
  readonly log: ConnectionLog;
  /** Something changed that the view of connections shows. */
  readonly onChange: (peer: Peer) => void;
  readonly onClose: (peer: Peer, reason: CloseReason) => void;
}

export class Peer implements ProcessorEvents, IntakeEvents, OutgoingEvents {
  readonly stats: PeerStats;
  readonly #socket: Socket;
  readonly #options: PeerOptions;
  readonly #intake: Intake;
  readonly #processor: RequestProcessor;
  readonly #turn: Turn;
  readonly #outgoing: Outgoing;
  readonly #reading: Reading;
  readonly #allowance: Allowance;
  readonly #log: PeerLog;
  /** What it holds of the worker's room. */
  readonly #share: RoomShare;
  /** null: it may rest for ever. */
  readonly #idle: IdleWatch | null;
  #closeReason: CloseReason = 'client';
  /** False once no more requests are taken. */
  #open = true;
  #inputEnded: boolean;
  #draining: Draining | null = null;
  /** Guards against taking a frame while one is being taken: an answer given at once calls back. */
  #pumping = false;

  constructor(socket: Socket, stats: PeerStats, options: PeerOptions) {
    this.#socket = socket;
    this.stats = stats;
    this.#options = options;
    this.#log = new PeerLog(options.log, stats);
    // A forwarded one may have come to its end while it waited for its place, when nobody listened for that.
    this.#inputEnded = socket.readableEnded;
    this.#share = options.room.share(() => {
      this.#giveUpUnread();
    });
    this.#turn = new Turn(options.turns, () => {
      this.#processor.resume();
      this.#pump();
    });
    this.#processor = new RequestProcessor(options.processor, this.#share, stats, this);
    this.#intake = new Intake(options.limits, stats, this.#processor, this, this.#log);
    const { idleTimeoutMs, writeTimeoutMs } = options.limits;
    this.#reading = new Reading(
      socket,
      () =>
        this.#draining?.isOn !== true &&
        // Its turn comes, and with many that wait for theirs all that reading would take time from it.
        !this.#turn.isWaiting &&
        this.#allowance.mayLook(this.#intake.decoder.waitingBytes),
    );
    this.#allowance = new Allowance(
      options.limits,
      this.#processor.load,
      this.#share,
      () => this.#intake.mayClassify,
    );
    this.#outgoing = new Outgoing(socket, writeTimeoutMs, this);
    this.#idle = idleTimeoutMs === null ? null : this.#watchRest(idleTimeoutMs);
    socket.on('data', (chunk) => {
      this.receive(chunk);
    });
    socket.on('end', () => {
      this.#inputEnded = true;
      this.#pump();
    });
    socket.on('error', (error) => {
      this.#log.line('debug', { reason: error.message }, 'connection failed');
      this.#closeReason = this.#open ? 'reset' : this.#closeReason;
    });
    socket.on('close', () => {
      this.#closed();
    });
  }

  /** Answers what was asked for so far, a request that is still coming in included, then closes. */
  drain(): void {
    this.stats.draining = true;
    this.#options.onChange(this);
    this.#draining = new Draining(this.#intake.decoder);
    this.#draining.begin(() => {
      this.#pump();
    });
  }

  /** Answers with a code what has no verdict yet: there is no more time. */
  giveUp(): void {
    this.#processor.giveUp();
    if (this.#open && this.#intake.decoder.unfinished) {
      this.#intake.breakOff(new DeadlineError('the server is stopping'));
    }
    this.onLastRequest('drain');
  }

  /** Closes it at once; false where that has been done already. */
  destroy(reason: CloseReason): boolean {
    if (this.#socket.destroyed) return false;
    this.#closeReason = reason;
    this.#open = false;
    this.#socket.destroy();
    return true;
  }

  // What the processor asks and tells.

  onReply(bytes: Buffer): void {
    this.stats.bytesOut += bytes.length;
    this.#idle?.touch();
    this.#outgoing.write(bytes);
  }

  onProgress(): void {
    this.#options.onChange(this);
    this.#pump();
  }

  onFault(command: string, reason: string): void {
    this.#log.line('error', { command, reason }, 'a fault of the server');
  }

  onNotPermitted(reason: string): void {
    this.#log.warnOnce(reason, 'a request was not permitted');
  }

  onAuthenticated(): void {
    this.#log.authenticated();
  }

  get isBackedUp(): boolean {
    return this.#outgoing.isBackedUp;
  }

  get mayGoOn(): boolean {
    return this.#turn.goesOn;
  }

  // What the way in tells.

  /** Takes no more requests; closes when the last reply is out. */
  onLastRequest(reason: CloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#closeReason = reason;
    this.#intake.stopWatch();
    this.#endWhenAnswered();
  }

  // What the way out tells.

  onTaken(): void {
    this.#processor.resume();
    this.#pump();
  }

  onStuck(waitingBytes: number): void {
    const timeoutMs = this.#options.limits.writeTimeoutMs;
    this.#log.line('warn', { waitingBytes, timeoutMs }, 'the peer does not read its replies; dropping it');
    this.destroy('slow reader');
  }

  /** Whether the limits of this peer let more of it in. */
  get #mayRead(): boolean {
    if (this.#intake.mustWait) return false;
    const takenBytes = this.stats.bytesIn - this.#intake.decoder.waitingBytes;
    return this.#allowance.mayTake(takenBytes) && !this.#outgoing.isBackedUp;
  }

  /** Takes bytes of the peer. */
  receive(chunk: Buffer): void {
    this.stats.bytesIn += chunk.length;
    this.stats.lastActivityAt = Date.now();
    this.#idle?.touch();
    if (!this.#open) return;
    this.#intake.decoder.push(chunk);
    this.#pump();
    this.#intake.decoder.keep();
    const { mayClassify, decoder } = this.#intake;
    this.#reading.little(!mayClassify || decoder.hasBytes || this.#turn.isWaiting);
    if (!this.#share.mayGrow) this.#shed();
    // What has come, and what is under way for it, is shown before any of it is answered.
    this.#options.onChange(this);
  }

  /** Takes as many frames as the limits and its turn allow, and reads or rests accordingly. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#outgoing.holdBack();
    while (this.#open && this.#mayRead && this.#turn.goesOn) {
      if (this.#draining?.isDone === true) {
        this.onLastRequest('drain');
        break;
      }
      if (this.#intake.takeNext()) continue;
      this.#draining?.allTaken();
      if (!this.#intake.refuseTooLong() && this.#inputEnded) this.#intake.end();
      break;
    }
    this.#outgoing.letGo();
    this.#pumping = false;
    this.#countBytes();
    if (!this.#open) {
      // What still comes is dropped; it is read so that the end of the connection is seen.
      this.#reading.resume();
      this.#endWhenAnswered();
      return;
    }
    const reads = this.#mayRead && this.#turn.goesOn && (this.#draining?.mayRead ?? true);
    if (reads) this.#reading.resume();
    else this.#reading.pause();
    this.#intake.watch(reads);
  }

  #watchRest(timeoutMs: number): IdleWatch {
    return new IdleWatch(
      timeoutMs,
      () => this.#processor.owed > 0 || this.#intake.decoder.unfinished || this.#outgoing.waitingBytes > 0,
      () => {
        this.#log.line('info', { timeoutMs }, 'nothing came or went; closing');
        this.onLastRequest('idle');
      },
    );
  }

  /** The whole server holds too much. */
  #shed(): void {
    if (this.#open && this.#intake.shed()) this.#pump();
  }

  /** The whole server holds too much, and nobody more than this peer of what waits for replies to be read. */
  #giveUpUnread(): void {
    this.#log.warnOnce('the server holds too many bytes', 'dropping a peer that does not read its replies');
    this.destroy('slow reader');
    this.#intake.decoder.end();
    this.#countBytes();
  }

  /** Tells the worker's room what this peer holds now. */
  #countBytes(): void {
    if (this.#socket.destroyed) {
      this.#share.set(0);
      return;
    }
    const { heldBytes, waitingBytes } = this.#intake.decoder;
    const { load } = this.#processor;
    const unsentBytes = this.#outgoing.waitingBytes;
    // Read from the connection, and waiting for us in Node's own hands.
    const unreadBytes = unsentBytes + waitingBytes + this.#socket.readableLength;
    const isUnread = this.#outgoing.isBackedUp;
    this.#share.set(load.bytes + heldBytes + unreadBytes, isUnread ? unreadBytes + load.aheadBytes : 0);
  }

  #endWhenAnswered(): void {
    if (this.#processor.owed === 0) this.#outgoing.end();
  }

  #closed(): void {
    this.#open = false;
    this.#turn.end();
    this.#intake.stopWatch();
    this.#idle?.stop();
    this.#reading.stop();
    this.#processor.abandon();
    this.#intake.decoder.end();
    this.#countBytes();
    this.#options.onClose(this, this.#closeReason);
  }
}
