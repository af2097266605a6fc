import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { DownloadRecord } from '#src/downloads/download-record.js';

const lineSchema = z.object({ msg: z.string(), bytes: z.number(), seconds: z.number() });

/** Receives so many bytes, each so many milliseconds later, and gives the bytes of each line on the way. */
function linesOf(total: number | null, pieces: readonly (readonly [bytes: number, ms: number])[]): number[] {
  const logged: string[] = [];
  let nowMs = 0;
  const log = pino({ level: 'info' }, { write: (line) => void logged.push(line) });
  const record = new DownloadRecord(new URL('https://a.example/b'), 'b.onnx', log, () => nowMs);
  record.enter('receiving', { total });
  for (const [bytes, ms] of pieces) {
    nowMs += ms;
    record.received(bytes);
  }
  return logged.slice(1).map((line) => {
    const { msg, bytes } = lineSchema.parse(JSON.parse(line));
    assert.equal(msg, 'a download goes on');
    return bytes;
  });
}

const steps = (count: number, bytes: number, ms: number) =>
  Array.from({ length: count }, () => [bytes, ms] as const);

describe('The log of a download has a line', () => {
  it('for each tenth of the file', () => {
    assert.deepEqual(linesOf(100, steps(20, 5, 1_000)), [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  });

  it('every second at most', () => {
    assert.deepEqual(linesOf(100, steps(100, 1, 100)), [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert.deepEqual(linesOf(100, steps(100, 1, 50)), [20, 40, 60, 80, 100]);
  });

  it('every five seconds at least, also where nobody knows how long the file is', () => {
    assert.deepEqual(linesOf(1_000, steps(12, 1, 1_000)), [5, 10]);
    assert.deepEqual(linesOf(null, steps(12, 1, 1_000)), [5, 10]);
  });
});
