// The keys about downloads of models (0x20), which stand in the sections `security` and `limits`.
import { z } from 'zod';
import { expectedDownloadEntry, parseDownloadEntry } from './download-hosts.js';
import { hourMs, milliseconds } from './durations.js';

export const downloadSecurity = {
  download_hosts: z
    .array(
      z.string().superRefine((entry, context) => {
        const meaning = parseDownloadEntry(entry);
        if (typeof meaning !== 'string') return;
        context.addIssue({ code: 'custom', message: `${expectedDownloadEntry}; ${meaning}` });
      }),
    )
    .default([])
    .describe(
      'Hosts that models may be downloaded from (0x20), over https, and networks that their names may lead to besides public addresses; empty: downloads are off.',
    ),
  download_ca_path: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'PEM file of the authorities that certificates of these hosts may come from; null: those that Node.js knows.',
    ),
};

export const downloadLimits = {
  download_timeout_ms: milliseconds(hourMs)
    .default(600_000)
    .describe(
      'A download that is not done by then gets error 4: time for a large model over a slow line, and no more, as it holds up what its peer asks for next.',
    ),
};
