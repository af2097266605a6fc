// Has photos judged by a server, several at a time, each behind its message, over as many connections: so one photo that
// costs its connection, as a far too large one does, costs no other.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassifiedImage, PearClient } from '../../client/pear-client.js';
import {
  shortReason,
  BusyError,
  ConnectionLostError,
  errorCodes,
  NotPermittedError,
  WireError,
} from '../../errors.js';
import { noPear, type ClassNames } from './class-names.js';
import type { Failed, Judged, Verdict } from './judged.js';
import type { Label } from './labels/label.js';

/** Connects for the length of `use`. */
export type Enter = (use: (client: PearClient) => Promise<void>) => Promise<void>;

export interface Asking {
  readonly folder: string;
  readonly classes: ClassNames;
  readonly enter: Enter;
  /** Photos under way at a time. */
  readonly parallel: number;
  /** Ends the connections, so that all that is owed fails. */
  readonly signal: AbortSignal;
  readonly onJudged: (count: number) => void;
}

interface Job {
  readonly photo: Label;
  readonly index: number;
  losses: number;
}

/** A photo that has lost its connection so often is not sent again. */
const lossesMax = 2;
/** So many losses without an answer between them: the server is no more. */
const lossesInARowMax = 8;
/** What is longer no server takes. */
const photoBytesMax = 256 * 1024 * 1024;
/** Waits for a server that is busy double up to the longest, about half a minute together. */
const busyTriesMax = 12;
const busyWaitMs = 100;
const busyWaitMaxMs = 5_000;

/** In the order of `photos`. Throws what ends all: no server, no permission, a server that is lost again and again. */
export async function askAll(photos: readonly Label[], asking: Asking): Promise<readonly Judged[]> {
  const jobs: Job[] = photos.map((photo, index) => ({ photo, index, losses: 0 }));
  const judged = new Map<number, Judged>();
  let lossesInARow = 0;
  const settle = ({ photo, index }: Job, outcome: Judged['outcome']) => {
    judged.set(index, { photo, outcome });
    asking.onJudged(judged.size);
  };

  /** Until nothing is left to do, or the connection is lost. */
  const work = async (client: PearClient) => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      try {
        settle(job, await ask(client, job, asking));
        lossesInARow = 0;
      } catch (error) {
        if (!(error instanceof ConnectionLostError) || asking.signal.aborted) throw error;
        if (++lossesInARow >= lossesInARowMax) throw error;
        if (++job.losses < lossesMax) jobs.unshift(job);
        else settle(job, { type: 'failed', reason: 'the connection was lost each time that it was sent' });
        return;
      }
    }
  };
  const lanes = Array.from({ length: Math.min(asking.parallel, photos.length) }, async () => {
    while (jobs.length > 0) await asking.enter(work);
  });
  await Promise.all(lanes);
  return photos.map((_, index) => found(judged.get(index)));
}

function found(judged: Judged | undefined): Judged {
  if (judged === undefined) throw new Error('every photo is settled once');
  return judged;
}

async function ask(client: PearClient, { photo, index }: Job, asking: Asking): Promise<Verdict | Failed> {
  const bytes = await bytesOf(join(asking.folder, photo.name));
  if (typeof bytes === 'string') return { type: 'failed', reason: bytes };
  for (let tries = 1; ; tries++) {
    const begin = performance.now();
    const item = await classify(client, { fileName: `photo-${index}`, bytes });
    const clientMs = performance.now() - begin;
    if (typeof item === 'string') return { type: 'failed', reason: item };
    if (item.error_code === errorCodes.noError) return verdictOf(item, clientMs, asking.classes);
    const isBusy = item.error_code === errorCodes.busy;
    if (!isBusy || tries === busyTriesMax) return { type: 'failed', reason: describeCode(item.error_code) };
    await pause(Math.min(busyWaitMaxMs, busyWaitMs * 2 ** (tries - 1)), asking.signal);
  }
}

/** The answer, or why there is none for this photo. */
async function classify(
  client: PearClient,
  image: { readonly fileName: string; readonly bytes: Uint8Array },
): Promise<ClassifiedImage | string> {
  try {
    const [item] = await client.classify([image], { detail: true });
    return item ?? 'the reply is empty';
  } catch (error) {
    if (error instanceof NotPermittedError || !(error instanceof WireError)) throw error;
    if (error instanceof BusyError)
      return { file_name: image.fileName, result: null, error_code: error.code };
    return `error ${error.code}: ${error.message}`;
  }
}

/** Of a photo that cannot be read: why. */
async function bytesOf(path: string): Promise<Uint8Array | string> {
  try {
    const { size } = await stat(path);
    return size > photoBytesMax ? 'it is larger than any server takes' : await readFile(path);
  } catch (error) {
    return `it cannot be read (${shortReason(error)})`;
  }
}

function verdictOf(item: ClassifiedImage, clientMs: number, classes: ClassNames): Verdict {
  const { label, confidence, detections = [] } = item;
  return {
    type: 'verdict',
    said: label === undefined || label === null ? noPear : classes.of(label),
    confidence: confidence ?? null,
    detections: detections.flatMap(({ label: name, confidence: certainty, bbox: box }) =>
      box === null ? [] : [{ className: classes.of(name ?? 'pear'), confidence: certainty, box }],
    ),
    model: item.model?.name ?? '-',
    timingMs: item.timing_ms,
    clientMs,
  };
}

/** `resourceNotFound` → `error 2, resource not found` */
function describeCode(code: number): string {
  const name = Object.entries(errorCodes).find(([, value]) => value === code)?.[0] ?? 'unknown';
  return `error ${code}, ${name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new ConnectionLostError('it was stopped'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
