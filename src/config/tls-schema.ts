// The keys below server.tls and admin.tls: which certificate is shown, and which ones of clients count.
import { z } from 'zod';
import { milliseconds } from './durations.js';

const file = z.string().min(1).nullable().default(null);

const certificate = {
  cert_path: file.describe(
    'PEM file of the certificate that is shown, with those between it and its authority behind it; null: no TLS.',
  ),
  key_path: file.describe('PEM file of the private key that belongs to cert_path.'),
  client_ca_path: file.describe(
    'PEM file of the authorities whose client certificates count; null: nobody is asked for one.',
  ),
};

export const serverTls = z.strictObject({
  ...certificate,
  require_client_certificate: z
    .boolean()
    .default(false)
    .describe('Whether only those are let in who show a certificate that counts.'),
  min_version: z
    .enum(['TLSv1.2', 'TLSv1.3'])
    .default('TLSv1.2')
    .describe('Oldest version of TLS that is spoken.'),
  handshake_timeout_ms: milliseconds(120_000)
    .default(10_000)
    .describe('A TLS handshake that takes longer is given up: time for a slow link.'),
});

export const adminTls = z.strictObject(certificate);

export type ServerTls = z.output<typeof serverTls>;
