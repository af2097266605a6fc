// Every message between the primary and its workers, in both directions, each checked by its schema on arrival.
import { z } from 'zod';
import { configSchema, roles } from '../config/schema.js';
import { kickAnswerSchema } from '../connections/kick.js';
import { kickerNameSchema } from '../connections/record.js';
import { viewReplySchema, viewRequestSchema } from '../connections/view-messages.js';
import { placeAnswers } from '../server/entrance/peer-admission.js';
import { certificateTextsSchema } from '../server/tls/certificate.js';
import { changeAnswerSchema, changeSchema } from '../settings/change.js';
import { settingsSchema } from '../settings/settings.js';
import { sharingNewsSchema } from './sharing/share-messages.js';

/** What a worker is told at its start. */
const workerStartSchema = z.object({
  config: configSchema,
  /** What it serves by; changes that were decided meanwhile follow before it serves. */
  settings: settingsSchema,
  hostId: z.string(),
  slot: z.int().positive(),
  /** `<hostId>:<slot>:<bootNonce>`, so that a worker never shares the records of a dead one. */
  workerId: z.string(),
  /** When the primary started, in milliseconds since the epoch. */
  serverStartedAt: z.int().positive(),
  /** What it shows to clients where the files cannot be used any more that the configuration names; null: it speaks no TLS. */
  certificate: certificateTextsSchema.nullable(),
  /** Where it makes its socket for sharing images; null: it shares none. */
  shareFolder: z.string().nullable(),
});
export type WorkerStart = Readonly<z.output<typeof workerStartSchema>>;

/** Whom to disconnect, and until when: later, whoever asked has been told `no answer`. */
const kick = {
  id: z.int(),
  ids: z.array(z.string()).readonly(),
  by: kickerNameSchema,
  /** By the clock of `monotonicMs`, which all processes of a machine share. */
  untilMs: z.number(),
};

/** What a client has shown. */
const tokenShownSchema = z.object({
  id: z.int(),
  /** SHA-256 of it, in hex: the token itself goes nowhere. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  address: z.string(),
});
export type TokenShown = Readonly<z.output<typeof tokenShownSchema>>;

/** `busy`: why it was not looked at; else `grant` is what it gives, null: nothing. */
const tokenAnswerSchema = z.object({
  id: z.int(),
  grant: z.object({ name: z.string(), role: z.enum(roles) }).nullable(),
  busy: z.string().nullable(),
});
export type TokenAnswer = Readonly<z.output<typeof tokenAnswerSchema>>;

export const toPrimarySchema = z.discriminatedUnion('type', [
  /** The worker listens to messages now and asks for its start. */
  z.object({ type: z.literal('booted') }),
  /** Its model has judged a first image: it may be given connections. */
  z.object({
    type: z.literal('serving'),
    model: z.string(),
    /** What decides its verdicts (Model). */
    fingerprint: z.string(),
    classes: z.array(z.string()),
    /** How each of its networks was read, for the log. */
    readAs: z.array(z.string()),
    /** Version of the settings that it serves by. */
    settings: z.int(),
    /** Where other workers fetch images that wait here; null: nowhere. */
    socketPath: z.string().nullable(),
  }),
  /** It has the connection of this number, and lives or dies with it. */
  z.object({ type: z.literal('taken'), connection: z.int() }),
  /** Its event loop goes round, however busy it is. */
  z.object({ type: z.literal('alive') }),
  /** It cannot serve, for a reason that a person can mend; it ends by itself. */
  z.object({ type: z.literal('failed'), problem: z.string(), cure: z.string() }),
  z.object({ type: z.literal('view'), id: z.int(), request: viewRequestSchema }),
  z.object({ type: z.literal('sharing'), news: sharingNewsSchema }),
  /** Connections that have gone and those that ask for a place, by their networks; where none asks there is no answer. */
  z.object({
    type: z.literal('places'),
    id: z.int(),
    left: z.array(z.string()),
    arrived: z.array(z.string()),
  }),
  /** A client shows a token; answered with `token`. */
  tokenShownSchema.extend({ type: z.literal('token') }),
  /** Those who have shown these are gone. */
  z.object({ type: z.literal('tokens withdrawn'), ids: z.array(z.int()).readonly() }),
  /** A client wants something changed; answered with `changed`. */
  z.object({ type: z.literal('change'), id: z.int(), change: changeSchema, by: z.string() }),
  /** What came of a `prepare`: null where it is ready to serve. */
  z.object({ type: z.literal('prepared'), round: z.int(), problem: z.string().nullable() }),
  /** It gives up what it is told to give up, when it has loaded it: loading cannot be ended. `prepared` comes then. */
  z.object({ type: z.literal('aborting'), round: z.int() }),
  /** It serves by what was prepared. */
  z.object({ type: z.literal('switched'), round: z.int() }),
  /** Images that were there before are answered. */
  z.object({ type: z.literal('committed'), round: z.int() }),
  /** Disconnect peers of any host. */
  z.object({ type: z.literal('kick'), ...kick }),
  /** Those of a `disconnect` that it had, and has disconnected. */
  z.object({ type: z.literal('disconnected'), id: z.int(), ids: z.array(z.string()).readonly() }),
]);
export type ToPrimary = Readonly<z.output<typeof toPrimarySchema>>;

export const toWorkerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), start: workerStartSchema }),
  /** A new connection comes along, under a number. */
  z.object({ type: z.literal('connection'), connection: z.int() }),
  z.object({ type: z.literal('view'), id: z.int(), reply: viewReplySchema }),
  /** To each that asked, in the order of the question. */
  z.object({ type: z.literal('places'), id: z.int(), answers: z.array(z.enum(placeAnswers)) }),
  tokenAnswerSchema.extend({ type: z.literal('token') }),
  /** Judge images that wait with another worker. */
  z.object({ type: z.literal('help'), lender: z.string(), socketPath: z.string() }),
  /** Disconnect those of these peers that it has. */
  z.object({ type: z.literal('disconnect'), ...kick }),
  /** What became of each, in the order of the question. */
  z.object({ type: z.literal('kick'), id: z.int(), answers: z.array(kickAnswerSchema).readonly() }),
  z.object({ type: z.literal('changed'), id: z.int(), answer: changeAnswerSchema }),
  /** Load what the settings name, beside what serves. */
  z.object({ type: z.literal('prepare'), round: z.int(), settings: settingsSchema }),
  /** Serve by what was prepared, or give it up. */
  z.object({ type: z.enum(['commit', 'abort']), round: z.int() }),
  /** Answer what was asked for, close every connection, end. */
  z.object({ type: z.literal('stop') }),
]);
export type ToWorker = Readonly<z.output<typeof toWorkerSchema>>;
