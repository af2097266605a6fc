// When a certificate that is about to expire is spoken of: each day from a fortnight before, and after it has expired.
import type { Certificate } from './certificate.js';

const dayMs = 86_400_000;
const warnDays = 14;

/** What to warn of at `now`; null: nothing. The same words are said for a day. */
export function expiryWarning(
  { subject, validFrom, validTo }: Pick<Certificate, 'subject' | 'validFrom' | 'validTo'>,
  now: number,
): string | null {
  if (now < validFrom) {
    return `the certificate (${subject}) is valid from ${dateOf(validFrom)} only; clients refuse it until then: look at the clock of this machine`;
  }
  const daysLeft = Math.floor((validTo - now) / dayMs);
  if (daysLeft < 0) {
    const daysAgo = Math.floor((now - validTo) / dayMs);
    return `the certificate (${subject}) has expired on ${dateOf(validTo)}, ${inDays(daysAgo)} ago: clients refuse it; put a new one into its place`;
  }
  if (daysLeft >= warnDays) return null;
  return `the certificate (${subject}) expires on ${dateOf(validTo)}, in ${inDays(daysLeft)}; put a new one into its place`;
}

export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ') + ' UTC';
}

function inDays(days: number): string {
  if (days === 0) return 'less than a day';
  return `${days} day${days === 1 ? '' : 's'}`;
}
