// `pear token`: makes a token. It asks no server: what it prints is to be pasted into the configuration.
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { roles } from '../config/schema.js';
import { tokenName } from '../config/security-schema.js';
import { oneOf } from './option-values.js';
import { defineTool } from './tool.js';

/** 256 random bits: nobody tries them out. */
const tokenBytes = 32;

export const tokenTool = defineTool({
  name: 'token',
  takes: '',
  summary: 'make a token, and what the configuration is to know of it',
  options: z.strictObject({
    name: tokenName.default('somebody').meta({ value: 'NAME', description: 'what its owner is called' }),
    role: oneOf(roles, 'ROLE', `what its owner may do: ${roles.join(', ')}; operator unless given`),
  }),
  hints: `The token goes to standard output and nowhere else: keep it. What the configuration needs goes to standard error,
so that (umask 077; pear token > FILE) leaves a file for --token-file.`,
  run: ({ options: { name, role = 'operator' }, out }) => {
    const token = randomBytes(tokenBytes).toString('base64url');
    const hash = createHash('sha256').update(token).digest('hex');
    process.stderr.write(`security:
  tokens:
    - name: ${name}
      role: ${role}
      sha256: ${hash}
`);
    out.write(`${token}\n`);
    return Promise.resolve(0);
  },
});
