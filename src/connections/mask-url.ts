// A URL as it may stand in a log or a message: without its password.

const mask = '***';

/** The URL with its password masked; of what is no URL only the scheme, the secret may be anywhere. */
export function maskUrl(url: string): string {
  if (!URL.canParse(url)) return `${url.slice(0, Math.max(0, url.indexOf(':')))}://${mask}`;
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = mask;
  // ioredis takes options from the query too.
  for (const key of [...parsed.searchParams.keys()]) {
    if (/password/i.test(key)) parsed.searchParams.set(key, mask);
  }
  return parsed.toString();
}
