// What the gate knows, from the section `security` of the configuration, whose tokens are hashes by now.
import { plainFingerprint } from '../config/security-checks.js';
import type { SecurityConfig } from '../config/security-schema.js';
import type { KnownCertificate, KnownToken, RoleOptions } from './gate.js';

export function roleOptionsOf(security: SecurityConfig): Required<RoleOptions> {
  const { default_role: defaultRole, loopback_role, client_certificates } = security;
  const tokens = security.tokens.map(({ name, role, sha256 = '' }): KnownToken => {
    const hash = Buffer.from(sha256, 'hex');
    if (hash.length !== 32) throw new Error(`the file of the token ${name} has not been read`);
    return { name, role, hash };
  });
  const certificates = client_certificates.map(
    ({ name, role, fingerprint, common_name: commonName = '' }): KnownCertificate =>
      fingerprint === undefined
        ? { name, role, commonName }
        : { name, role, fingerprint: plainFingerprint(fingerprint) },
  );
  // As soon as there is another way to be somebody, being on the machine is no reason any more.
  const isOpen = tokens.length === 0 && certificates.length === 0;
  return {
    defaultRole,
    loopbackRole: loopback_role ?? (isOpen ? 'admin' : defaultRole),
    tokens,
    certificates,
  };
}
