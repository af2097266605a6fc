// 0x10 tells who a peer is by a token. What it gives, and how wrong ones are slowed, is the gate's business.
import { z } from 'zod';
import { errorCodes } from '../errors.js';
import { BaseHandler, failure, success } from './base-handler.js';
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
      run: async ([token], { authenticate }) => [
        (await authenticate(token)) ? success(null) : failure(null, errorCodes.notPermitted),
      ],
    }),
  ];
}
