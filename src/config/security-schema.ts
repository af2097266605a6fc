// The section `security` of the configuration: who may do what, and how they show who they are.
import { isIP } from 'node:net';
import { z } from 'zod';
import { downloadSecurity } from './download-schema.js';
import { milliseconds } from './durations.js';

export const roles = ['viewer', 'operator', 'admin'] as const;
const role = z.enum(roles);
export type Role = z.output<typeof role>;

const expectedName = '1 to 64 characters of A-Z a-z 0-9 . _ @ -, and no address';
const expectedRole = `one of ${roles.join(', ')}`;
const expectedToken =
  'a mapping of name, role, and either sha256 (of the token) or token_path (a file that holds it); tokens themselves never stand in a configuration';
const expectedHash = 'a SHA-256, 64 hexadecimal digits; pear token writes it';
const expectedPath = 'the path of a file that holds the token';
const expectedCertificate = 'a mapping of name, role, and either fingerprint or common_name';
const expectedFingerprint =
  'the SHA-256 of a certificate, 64 hexadecimal digits with or without colons; openssl x509 -noout -fingerprint -sha256 -in FILE prints it';
const expectedCommonName = 'the common name of a certificate';

/** One mistake of an entry is told once. */
const isFineSoFar = ({ issues }: { readonly issues: readonly unknown[] }) => issues.length === 0;

/** What somebody is called who shows something; never an address, since those stand for who shows nothing. */
export const tokenName = z
  .string({ error: expectedName })
  .regex(/^[A-Za-z0-9._@-]{1,64}$/, { error: expectedName })
  .refine((text) => isIP(text) === 0, { error: expectedName });
const grant = { name: tokenName, role: z.enum(roles, { error: expectedRole }) };

const token = z
  .strictObject(
    {
      ...grant,
      sha256: z
        .string({ error: expectedHash })
        .regex(/^[0-9A-Fa-f]{64}$/, { error: expectedHash })
        .optional(),
      token_path: z.string({ error: expectedPath }).min(1, { error: expectedPath }).optional(),
    },
    { error: expectedToken },
  )
  .refine((entry) => (entry.sha256 === undefined) !== (entry.token_path === undefined), {
    error: expectedToken,
    when: isFineSoFar,
  });
export type TokenEntry = z.output<typeof token>;

const certificate = z
  .strictObject(
    {
      ...grant,
      fingerprint: z
        .string({ error: expectedFingerprint })
        .regex(/^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$/, { error: expectedFingerprint })
        .optional(),
      common_name: z.string({ error: expectedCommonName }).min(1, { error: expectedCommonName }).optional(),
    },
    { error: expectedCertificate },
  )
  .refine((entry) => (entry.fingerprint === undefined) !== (entry.common_name === undefined), {
    error: expectedCertificate,
    when: isFineSoFar,
  });

/** Comparing with all of them takes microseconds. */
const entriesMax = 1_000;

export const security = z.strictObject({
  default_role: role
    .default('operator')
    .describe('Role of a peer that nothing else gives one; "admin" lets any stranger change the server.'),
  loopback_role: role
    .nullable()
    .default(null)
    .describe(
      'Role of peers from the machine itself; null: admin as long as neither tokens nor client_certificates are configured, else default_role.',
    ),
  tokens: z
    .array(token)
    .max(entriesMax)
    .default([])
    .describe(
      'Tokens that give a role: name, role, and sha256 of the token or token_path, a file that holds it. pear token makes one.',
    ),
  client_certificates: z
    .array(certificate)
    .max(entriesMax)
    .default([])
    .describe(
      'Verified TLS client certificates that give a role: name, role, and fingerprint (SHA-256) or common_name.',
    ),
  failed_authentication_delay_ms: milliseconds(30_000)
    .default(1_000)
    .describe(
      'How late a wrong token is answered; twice as late with each more from the same address, up to 30 s.',
    ),
  allowed_roots: z
    .array(z.string().min(1))
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Folders below which clients may choose folders of images and models (0x30, 0x34); null: those that hold the configured ones.',
    ),
  ...downloadSecurity,
});
export type SecurityConfig = z.output<typeof security>;
