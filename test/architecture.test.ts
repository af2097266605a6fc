// The house: which floor may know which, that nothing runs in a circle, and who alone imports which library.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const root = 'src';

/** Imports go downwards, or stay in the folder. */
const floors: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  'image-memory.ts': 0,
  'in-time.ts': 0,
  'socket-reads.ts': 0,
  'sync-folder.ts': 0,
  'text-encoding.ts': 0,
  'shown-text.ts': 0,
  'take-first.ts': 0,
  'version.ts': 0,
  'named-files.ts': 1,
  'running-process.ts': 1,
  config: 2,
  protocol: 2,
  'log.ts': 3,
  client: 3,
  connections: 4,
  detector: 4,
  settings: 5,
  handlers: 6,
  downloads: 7,
  server: 7,
  admin: 8,
  cluster: 9,
  cli: 10,
  'main.ts': 11,
};

/**
 * Libraries that only one place may import, so that each can be replaced there. The benchmark's bare pipeline measures
 * the libraries themselves, so it may not go through our code.
 */
const importers: Readonly<Record<string, readonly string[]>> = {
  'js-yaml': ['config/yaml.ts'],
  'onnxruntime-node': ['detector/inference/engine.ts', 'cli/bench/bare-pipeline.ts'],
  sharp: [
    'detector/images/image-decoder.ts',
    'detector/images/made-pictures.ts',
    'cli/bench/bare-pipeline.ts',
    'cli/bench/photos.ts',
    'cli/eval/sheet/contact-sheet.ts',
  ],
  ioredis: ['connections/redis/'],
  pino: ['log.ts'],
  'pino-pretty': ['log.ts'],
};

const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const imports = new Map(files.map((file) => [file, importsOf(file)]));

test('every file stands on a known floor', () => {
  for (const file of files) assert.ok(roomOf(file) in floors, `${file} is in no room of the house`);
});

test('imports go downwards or stay in the folder', () => {
  for (const [file, targets] of imports) {
    for (const target of targets.own) {
      const [from, to] = [roomOf(file), roomOf(target)];
      assert.ok(
        from === to || floorOf(from) > floorOf(to),
        `${file} imports ${target}, which is no lower floor`,
      );
    }
  }
});

test('no import runs in a circle', () => {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    assert.ok(!path.includes(file), `a circle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
    if (done.has(file)) return;
    for (const target of imports.get(file)?.own ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test('each replaceable library is imported where it may be', () => {
  for (const [file, targets] of imports) {
    for (const library of targets.libraries) {
      const places = importers[library];
      if (places !== undefined)
        assert.ok(
          places.some((place) => file.startsWith(place)),
          `${file} imports ${library}; only ${places.join(', ')} may`,
        );
    }
  }
});

test('the protocol knows no socket, file, clock or logger', () => {
  for (const [file, targets] of imports) {
    if (roomOf(file) !== 'protocol') continue;
    assert.deepEqual(
      targets.libraries.filter((library) => library !== 'zod'),
      [],
      `${file} is not pure`,
    );
  }
});

function importsOf(file: string): { own: string[]; libraries: string[] } {
  const text = readFileSync(join(root, file), 'utf8');
  const own: string[] = [];
  const libraries: string[] = [];
  for (const [, target = ''] of text.matchAll(
    /^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'/gm,
  )) {
    if (target.startsWith('.')) own.push(normalize(join(dirname(file), target.replace(/\.js$/, '.ts'))));
    else libraries.push(target);
  }
  return { own, libraries };
}

function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function floorOf(room: string): number {
  return floors[room] ?? Number.NaN;
}
