// What the keys below server.tls and admin.tls must be to each other: what is set without a certificate would do
// nothing, and the port would be open in the clear.
import type { CrossCheck } from './cross-check.js';
import type { Config } from './schema.js';

type Section = 'server' | 'admin';

function certificateChecks(section: Section): readonly CrossCheck[] {
  const cert = `${section}.tls.cert_path`;
  const key = `${section}.tls.key_path`;
  const check = (
    keys: readonly [string, ...string[]],
    problem: (tls: Config['admin']['tls']) => string | false,
  ): CrossCheck => ({ keys, problem: (config) => problem(config[section].tls) || undefined });
  return [
    check(
      [cert, key],
      ({ cert_path, key_path }) =>
        cert_path !== null && key_path === null && `needs its private key in ${key}`,
    ),
    check(
      [key, cert],
      ({ cert_path, key_path }) =>
        key_path !== null && cert_path === null && `needs its certificate in ${cert}`,
    ),
    check(
      [`${section}.tls.client_ca_path`, cert, key],
      ({ client_ca_path, cert_path, key_path }) =>
        client_ca_path !== null &&
        cert_path === null &&
        key_path === null &&
        `is for TLS, but no certificate is set; set ${cert} and key_path`,
    ),
  ];
}

export const tlsChecks: readonly CrossCheck[] = [
  ...certificateChecks('server'),
  ...certificateChecks('admin'),
  {
    keys: ['server.tls.require_client_certificate', 'server.tls.client_ca_path'],
    problem: ({ server: { tls } }: Config) =>
      tls.require_client_certificate && tls.client_ca_path === null
        ? 'needs the authority of those certificates in server.tls.client_ca_path'
        : undefined,
  },
];
