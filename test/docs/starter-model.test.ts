import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { load } from 'js-yaml';
import { z } from 'zod';
import { ConfigLoader } from '#src/config/loader.js';

const sidecar = z.object({
  version: z.string(),
  license: z.string(),
  confidence_threshold: z.number(),
  attribution: z.array(z.string()).min(1),
});

/** Lines are broken as each file likes it. */
const read = (path: string) => readFileSync(path, 'utf8').replaceAll(/\s+/g, ' ');

describe('the starter model', () => {
  const card = read('models/pear-starter.md');
  for (const name of ['pear-starter', 'pear-starter-int8']) {
    const { version, license, confidence_threshold, attribution } = sidecar.parse(
      load(readFileSync(`models/${name}.yaml`, 'utf8')),
    );

    test(`names those whose photos ${name} was trained on beside it, in its card and in NOTICE`, () => {
      const notice = read('NOTICE');
      for (const text of attribution) {
        assert.ok(card.includes(text), text);
        assert.ok(notice.includes(text), text);
      }
    });

    test(`has the version, licence and threshold of ${name} in its card`, () => {
      assert.ok(card.includes(`Version ${version}, licence ${license}.`));
      assert.ok(card.includes(`places with a score above ${confidence_threshold},`));
    });
  }

  test('is the INT8 one by default, at most 1 MB', () => {
    const { config } = ConfigLoader.load({ argv: [], env: {}, cwd: process.cwd() });
    assert.equal(basename(config.model.model_path), 'pear-starter-int8.onnx');
    assert.ok(statSync(config.model.model_path).size <= 1_000_000);
  });
});
