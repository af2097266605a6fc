// What the benchmark and its load process tell each other.
import { z } from 'zod';
import { verdictsSchema } from './bare-messages.js';

/** `name`: photos lie in the server's folder; `bytes`: they are sent right behind the request. */
export const ways = ['name', 'bytes'] as const;
export type Way = (typeof ways)[number];

const port = z.int().min(1).max(65_535);
const positive = z.int().min(1);

export const loadOrderSchema = z.discriminatedUnion('type', [
  /** Reads the photos into memory, for the orders behind it. */
  z.object({ type: z.literal('photos'), folder: z.string(), names: z.array(z.string()).min(1) }),
  /** Sends so many images, and keeps so many requests of each connection under way until all are sent. */
  z.object({
    type: z.literal('work'),
    port,
    way: z.enum(ways),
    connections: positive,
    requestsPerConnection: positive,
    imagesPerRequest: positive,
    requestsUnderWay: positive,
  }),
  /** Sends single images at random times, whether the ones before are answered or not. */
  z.object({
    type: z.literal('arrivals'),
    port,
    way: z.enum(ways),
    connections: positive,
    perSecond: z.number().positive(),
    seconds: z.number().positive(),
    seed: z.int(),
  }),
  /** Connects, asks for the folder, and closes, again and again. */
  z.object({
    type: z.literal('connects'),
    port,
    parallel: positive,
    seconds: z.number().positive(),
    countMax: positive,
  }),
  /** The same at a fixed rate. */
  z.object({ type: z.literal('churn'), port, perSecond: positive, seconds: z.number().positive() }),
  /** Opens connections that do nothing, and keeps them until `release`. */
  z.object({ type: z.literal('hold'), port, count: positive }),
  z.object({ type: z.literal('release') }),
  /** Opens connections within some seconds, each of which asks at once; those that are served stay until `release`. */
  z.object({
    type: z.literal('burst'),
    port,
    count: positive,
    seconds: z.number().positive(),
    /** Number of the first one, so that several processes take different addresses. */
    first: z.int().min(0),
  }),
]);
export type LoadOrder = Readonly<z.output<typeof loadOrderSchema>>;
export type Order<Type extends LoadOrder['type']> = Extract<LoadOrder, { readonly type: Type }>;

export const workResultSchema = z.object({
  /** Every one was answered with code 0, or the order had failed. */
  images: z.int(),
  seconds: z.number(),
  /** Of the load process. */
  cpuMs: z.number(),
  verdicts: verdictsSchema,
});
export type WorkResult = Readonly<z.output<typeof workResultSchema>>;

export const arrivalsResultSchema = z.object({ latenciesMs: z.array(z.number()), seconds: z.number() });
export type ArrivalsResult = Readonly<z.output<typeof arrivalsResultSchema>>;

export const countResultSchema = z.object({ count: z.int(), seconds: z.number() });
export type CountResult = Readonly<z.output<typeof countResultSchema>>;

export const burstResultSchema = z.object({
  answered: z.int(),
  /** With code 6. */
  refused: z.int(),
  /** Closed or left without an answer. */
  lost: z.int(),
  openedInSeconds: z.number(),
  /** Until the last one had its answer. */
  seconds: z.number(),
});
export type BurstResult = Readonly<z.output<typeof burstResultSchema>>;
