import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { jsonSchemaPath, jsonSchemaText } from '#src/config/json-schema.js';
import { keyTree, type Section } from '#src/config/key-tree.js';

describe('What is written about the configuration', () => {
  it('agrees with it: config/server_config.schema.json', () => {
    assert.ok(
      readFileSync(jsonSchemaPath, 'utf8') === jsonSchemaText(),
      'config/server_config.schema.json is out of date; run: node dist/config/write-json-schema.js',
    );
  });

  it('offers editors our names of encodings and levels, but does not refuse others', () => {
    const text = jsonSchemaText();
    assert.match(text, /"anyOf": \[\s*\{\s*"enum": \[\s*"trace"/);
    assert.match(text, /"default": "info"/);
  });

  it('has every section in the shipped file', () => {
    const text = readFileSync(new URL('../../config/server_config.yaml', import.meta.url), 'utf8');
    assert.ok(text.startsWith('# yaml-language-server: $schema=./server_config.schema.json\n'));
    for (const section of keyTree.children.keys()) assert.match(text, new RegExp(`^${section}:`, 'm'));
  });

  it('has every key with its default in docs/configuration.md', () => {
    const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    for (const section of keyTree.children.values()) {
      assert.ok(section.type === 'section');
      const part = text.split(`### ${section.path}\n`)[1]?.split('\n#')[0] ?? '';
      for (const row of rowsOf(section, '')) assert.ok(part.includes(row), `${section.path} lacks: ${row}`);
    }
  });
});

function rowsOf(section: Section, prefix: string): string[] {
  return [...section.children].flatMap(([name, child]) => {
    if (child.type === 'section') return rowsOf(child, `${prefix}${name}.`);
    const value = child.schema.parse(undefined);
    const shown = typeof value === 'string' && value !== '\n' ? value : JSON.stringify(value);
    return [`| \`${prefix}${name}\` | \`${shown}\` |`];
  });
}
