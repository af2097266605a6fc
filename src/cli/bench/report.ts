// Everything that a run found, as one value for JSON, and as tables to read.
import { table } from '../table.js';
import type { LatencyLine } from './latency.js';
import type { Machine } from './machine.js';
import type { ModelChanges } from './model-changes.js';
import type { BenchOptions } from './options.js';
import type { Connects, IdleMemory, MemoryPerPeer } from './peers-cost.js';
import type { Probe } from './probe.js';
import type { Soak } from './soak.js';
import type { Growth } from './soak-verdict.js';
import type { BurstReport } from './burst.js';
import type { Records } from './records.js';
import type { Latencies } from './statistics.js';
import { cpuShareMin, type Throughput } from './throughput.js';
import type { ViewEffect } from './view-cost.js';

export interface ModelReport {
  readonly model: string;
  readonly throughput: Throughput | null;
  readonly latency: readonly LatencyLine[] | null;
  readonly probe: readonly Probe[] | null;
}

/** null: this part was not asked for. */
export interface Report {
  readonly machine: Machine;
  readonly startedAt: string;
  readonly options: BenchOptions;
  readonly photos: { readonly count: number; readonly meanBytes: number };
  readonly models: readonly ModelReport[];
  readonly connects: Connects | null;
  readonly idle: IdleMemory | null;
  readonly view: ViewEffect | null;
  readonly burst: BurstReport | null;
  readonly records: Records | null;
  readonly changes: ModelChanges | null;
  readonly soak: Soak | null;
}

export function heading({
  machine,
  options,
  photos,
}: Pick<Report, 'machine' | 'options' | 'photos'>): string {
  return (
    `pear ${machine.version}, commit ${machine.commit}\n` +
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}\n` +
    `Node ${machine.node}, sharp ${machine.sharp} (libvips ${machine.libvips}), ONNX Runtime ${machine.onnxruntime}\n` +
    `${options.workers} workers, ${photos.count} photos of ${Math.round(photos.meanBytes / 1000)} KB\n` +
    (options['bare-copies'] ? 'the bare pipeline copies the padding\n' : '')
  );
}

/** Images per second and processor time against the bare pipeline. */
export function throughputText(model: string, found: Throughput): string {
  const rows = found.lines.map(({ way, connections, ...line }) => [
    way,
    String(connections),
    fixed(line.imagesPerSecond, 1),
    fixed(line.ratio, 3),
    fixed(line.cpuRatio, 3),
    `${line.goodRounds} of ${line.rounds}`,
  ]);
  const bare = `bare pipeline: ${fixed(found.bareImagesPerSecond, 1)} images/s, ${fixed(found.bareCpuMsPerImage, 1)} ms CPU an image`;
  return (
    `\n${model}: ${bare}\n` +
    table(['by', 'connections', 'images/s', 'server/bare', 'CPU server/bare', 'good rounds'], rows) +
    `not counted: ${found.warmUpRounds} warm-up rounds before, of bare and server alike\n` +
    warnings(found).join('')
  );
}

function warnings({ lines, differentVerdicts, photosCompared }: Throughput): string[] {
  const said: string[] = [];
  if (lines.some(({ goodRounds, rounds }) => goodRounds * 2 <= rounds)) {
    said.push(
      `Not to be relied on: in half of the rounds or more the bare runs had less than ${cpuShareMin * 100} % of their cores; other programs had the rest.\n`,
    );
  }
  if (differentVerdicts.length > 0) {
    said.push(
      `Server and bare pipeline differ on ${differentVerdicts.length} of ${photosCompared} photos: ${differentVerdicts.join(', ')}\n`,
    );
  }
  return said;
}

export function latencyText(model: string, lines: readonly LatencyLine[]): string {
  return (
    `\n${model}: one image at a time, at random times\n` +
    table(
      ['load', 'images', 'p50', 'p99', 'p99.9', 'slowest'],
      lines.map((line) => [`${line.load * 100} % of ${fixed(line.capacityPerSecond, 1)}/s`, ...cells(line)]),
    ) +
    `not counted: ${lines.map(({ warmUpImages }) => warmUpImages).join(' and ')} images before, which warm up and tell the capacity\n`
  );
}

export function probeText(model: string, probes: readonly Probe[]): string {
  return (
    `\n${model}: 0x32 while every core infers\n` +
    table(
      ['images by', 'count', 'p50', 'p99', 'p99.9', 'slowest'],
      probes.map((probe) => [probe.way, ...cells(probe)]),
    ) +
    `not counted: ${probes.map(({ warmUpImages }) => warmUpImages).join(' and ')} images before, which warm up\n` +
    (probes.every(({ wentFirst }) => wentFirst)
      ? ''
      : 'the asking process may not go before others here, so its own waiting for a core is in the figures\n')
  );
}

function cells({ count, p50Ms, p99Ms, p999Ms, maxMs }: Latencies): string[] {
  return [String(count), ...[p50Ms, p99Ms, p999Ms, maxMs].map((value) => unit(value, 2, 'ms'))];
}

export function connectsText({ perSecond }: Connects): string {
  return `\nconnects: ${fixed(perSecond, 0)} a second (connect, 0x32, close)\n`;
}

export function idleText({ peers, ...memory }: IdleMemory): string {
  return `\nidle: ${memoryText(memory)} for each of ${peers} connections\n`;
}

function memoryText({ workerBytesPerPeer, primaryBytesPerPeer }: MemoryPerPeer): string {
  const kilobytes = (bytes: number | null) => unit(bytes === null ? null : bytes / 1000, 1, 'kB');
  return `${kilobytes(workerBytesPerPeer)} of workers and ${kilobytes(primaryBytesPerPeer)} of the primary`;
}

export function burstText(found: BurstReport): string {
  const { peers, openedInSeconds, seconds, answered, refused, lost } = found;
  return (
    `\nburst: ${peers} connections within ${fixed(openedInSeconds, 1)} s: ${answered} answered, ${refused} refused, ` +
    `${lost} lost, the last one after ${fixed(seconds, 1)} s; ${memoryText(found)} for each that stays\n`
  );
}

export function changesText(found: ModelChanges): string {
  const { without, during, p99Ratio, changes, changeMs, memoryRatio, sameProcesses } = found;
  return (
    `\n${changes} changes of the model, ${unit(changeMs, 0, 'ms')} each\n` +
    table(
      ['one image', 'count', 'p50', 'p99', 'p99.9', 'slowest'],
      [
        ['without changes', ...cells(without)],
        ['during changes', ...cells(during)],
      ],
    ) +
    `p99 during by without: ${fixed(p99Ratio, 2)}; memory after by before, of the process that grew most: ${fixed(memoryRatio, 2)}` +
    `${sameProcesses ? '' : '; a process was replaced'}\n`
  );
}

export function recordsText(found: Records): string {
  if ('skipped' in found) return `\nrecords: skipped, since ${found.skipped}\n`;
  const row = (name: string, latencies: Latencies) => [name, ...cells(latencies)];
  return (
    `\n${found.records} records of ${found.hosts} hosts in Redis\n` +
    table(
      ['', 'count', 'p50', 'p99', 'p99.9', 'slowest'],
      [
        row('first page of 100', found.firstPage),
        row('look-up by id', found.lookUp),
        ...found.heartbeats.map(({ peers, latencies }) =>
          row(`heartbeat of a worker with ${peers}`, latencies),
        ),
      ],
    )
  );
}

export function viewText({ opensPerSecond, stores, skipped }: ViewEffect): string {
  const rows = stores.map(({ store, perSecond, workerCpuMs, primaryCpuMs, workerCpuRatio }) => [
    store,
    fixed(perSecond, 0),
    unit(workerCpuMs, 3, 'ms'),
    unit(primaryCpuMs, 3, 'ms'),
    fixed(workerCpuRatio, 2),
  ]);
  return (
    `\nCPU of a connection that comes and goes, at ${opensPerSecond} a second\n` +
    table(['view', 'a second', 'workers', 'primary', 'workers by none'], rows) +
    (skipped === null ? '' : `redis: skipped, since ${skipped}\n`)
  );
}

export function soakText({ images, warmUpImages, seconds, samples, verdict }: Soak): string {
  const pids = [...new Set(samples.flatMap(({ workersMiB }) => Object.keys(workersMiB)))];
  const rows = samples.map((sample) => [
    String(sample.images),
    fixed(sample.primaryMiB, 1),
    ...pids.map((pid) => fixed(sample.workersMiB[pid] ?? null, 1)),
  ]);
  return (
    `\nsoak: ${images} images in ${seconds.toFixed(0)} s, all answered; memory in MiB, after a warm-up of ${warmUpImages} images by name and by bytes\n` +
    table(['images', 'primary', ...pids.map((pid) => `worker ${pid}`)], rows) +
    table(
      ['medians', 'first quarter', 'last quarter'],
      [
        growthRow('primary', verdict.primary),
        ...Object.entries(verdict.workers).map(([pid, growth]) => growthRow(`worker ${pid}`, growth)),
        growthRow('all', verdict.sum),
      ],
    ) +
    `${verdict.words}\n`
  );
}

function growthRow(name: string, growth: Growth | null): string[] {
  return [name, fixed(growth?.firstMiB ?? null, 1), fixed(growth?.lastMiB ?? null, 1)];
}

function fixed(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}

function unit(value: number | null, digits: number, name: string): string {
  return value === null ? '-' : `${value.toFixed(digits)} ${name}`;
}
