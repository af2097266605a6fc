// 0x10 tells who a peer is by a token. No token can be configured yet, so none is the right one.
import { z } from 'zod';
import { errorCodes } from '../errors.js';
import { BaseHandler, failure } from './base-handler.js';
import { defineCommand } from './command.js';
import { textArgument } from './text-argument.js';

const tokenLengthMax = 1024;

export class AuthenticationHandler extends BaseHandler {
  readonly commands = [
    defineCommand({
      code: 0x10,
      name: 'authenticate',
      role: 'none',
      order: 'barrier',
      args: z.tuple([textArgument(tokenLengthMax)]),
      maxArguments: 1,
      expected: `[a token], a text of 1 to ${tokenLengthMax} characters`,
      run: () => Promise.resolve([failure(null, errorCodes.notPermitted)]),
    }),
  ];
}
