import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorCodes, StoreUnavailableError, toWireError, WireError, wireErrorOf } from '#src/errors.js';

describe('what a client is told of an error', () => {
  const secret = 'ENOENT: /home/somebody/secret';

  test('gives nothing away of a fault of our own, whatever was thrown', () => {
    for (const thrown of [
      new Error(secret),
      new TypeError(secret),
      new StoreUnavailableError(secret),
      secret,
      null,
    ]) {
      const { code, message } = toWireError(thrown);
      assert.equal(code, errorCodes.internalError);
      assert.doesNotMatch(message, /ENOENT|somebody|secret/);
    }
  });

  test('is what the error says where it is meant for clients', () => {
    for (const code of Object.values(errorCodes)) {
      const error = wireErrorOf(code, 'what the client did');
      assert.ok(error instanceof WireError);
      assert.equal(toWireError(error), error);
      const isNone = code === errorCodes.noError;
      assert.equal(error.code, isNone ? errorCodes.internalError : code);
      assert.equal(error.message === 'what the client did', !isNone);
    }
  });
});
