import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { maskPasswords, Problems, problemsMax, shownKey, shownValue } from '#src/config/problems.js';

describe('A password of a URL', () => {
  it('is masked, whatever characters it has', () => {
    assert.equal(maskPasswords('redis://h:6379/0'), 'redis://h:6379/0');
    assert.equal(maskPasswords('redis://:a@h'), 'redis://:***@h');
    assert.equal(maskPasswords('rediss://user:a:b@c/d@h:1'), 'rediss://user:***@h:1');
    assert.equal(
      maskPasswords('see redis://u:a@h or redis://u:b@h'),
      'see redis://u:***@h or redis://u:***@h',
    );
  });

  it('is in no value or key that is shown', () => {
    const password = fc.stringMatching(/^[!-~]{1,40}$/).map((text) => `<<${text}>>`);
    fc.assert(
      fc.property(password, fc.stringMatching(/^[a-z]{0,8}$/), (secret, user) => {
        const url = `redis://${user}:${secret}@h`;
        for (const shown of [shownValue(url), shownValue([url]), shownKey(url)])
          assert.ok(!shown.includes('<<'));
      }),
    );
  });
});

describe('What is shown of a value', () => {
  it('is one short line', () => {
    const values = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.anything());
    fc.assert(
      fc.property(values, (value) => {
        const shown = shownValue(value);
        assert.ok(shown.length < 5000);
        if (typeof value === 'string') assert.doesNotMatch(shown, /[\p{Cc}\u2028\u2029]/u);
      }),
    );
  });
});

describe('Mistakes beyond the limit', () => {
  it('are counted, not kept', () => {
    const problems = new Problems();
    assert.equal(problems.any, false);
    for (let count = 0; count < problemsMax + 3; count++) problems.add(() => `mistake ${count}`, 'here');
    assert.equal(problems.any, true);
    assert.equal(problems.lines.length, problemsMax + 1);
    assert.equal(problems.lines[0], 'mistake 0 (here)');
    assert.equal(problems.lines.at(-1), '… and 3 more mistakes');
  });
});
