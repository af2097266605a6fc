// The section `limits` of the configuration: what clients may take of the server, each with its default and its reason.
import { z } from 'zod';
import { downloadLimits } from './download-schema.js';
import { hourMs, milliseconds } from './durations.js';

export const limits = z.strictObject({
  max_peers: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(20_000)
    .describe(
      'Connections to all workers of this host together; one more gets error 6 and is closed. An idle one costs some 18 kB.',
    ),
  max_peers_per_address: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(5_000)
    .describe(
      'Of these, connections from one IPv4 address or IPv6 /64 network, so that nobody alone takes all places; high, since cameras behind a gateway share one.',
    ),
  max_message_bytes: z
    .int()
    .min(1024)
    .max(256 * 1024 * 1024)
    .default(16 * 1024 * 1024)
    .describe(
      'Longest request, without attached bytes: room for a dozen photos inside a message; more belong behind it.',
    ),
  message_timeout_ms: milliseconds(hourMs)
    .default(30_000)
    .describe(
      'A request, its attached bytes included, must be complete this long after its first byte: time for photos over a slow link; longer would hold memory for nothing. Time in which the server does not read does not count.',
    ),
  request_timeout_ms: milliseconds(hourMs)
    .default(30_000)
    .describe(
      'Images not answered this long after the last byte of their request get error 4: by then a line has moved on.',
    ),
  change_timeout_ms: milliseconds(hourMs)
    .default(150_000)
    .describe(
      'A change of model or folder that is not decided by then gets error 4, and nothing was changed: time for reading, proving and loading a large model. More than model_proof_timeout_ms.',
    ),
  write_timeout_ms: milliseconds(hourMs)
    .default(30_000)
    .describe(
      'A peer that takes nothing of its waiting replies for this long is dropped, since they fill the memory.',
    ),
  idle_timeout_ms: milliseconds(7 * 24 * hourMs)
    .nullable()
    .default(null)
    .describe(
      'A connection on which nothing comes or goes for this long is closed; null: never, since lines sleep at night.',
    ),
  max_batch: z
    .int()
    .min(1)
    .max(100_000)
    .default(1_000)
    .describe('Images in one request: its reply comes as a whole, so a longer one only comes later.'),
  max_image_bytes: z
    .int()
    .min(1024)
    .max(1024 * 1024 * 1024)
    .default(32 * 1024 * 1024)
    .describe('Bytes of one encoded image: several times what cameras send.'),
  max_image_pixels: z
    .int()
    .min(1024)
    .max(1_000_000_000)
    .default(50_000_000)
    .describe('Pixels of one image, several times what cameras send: a small file may hold a huge picture.'),
  max_queued_images: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(2_000)
    .describe(
      'Images of one peer that wait or run, enough to keep all workers busy; more of its requests wait. At least max_batch.',
    ),
  max_queued_images_total: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(20_000)
    .describe(
      'Images that run or wait for the detector, over all peers of one worker; a request beyond it gets error 6. At least max_queued_images.',
    ),
  max_pending_requests: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .describe(
      'Requests of one peer that are started and not answered, far more than a client has under way; more of them wait.',
    ),
  max_in_flight_bytes: z
    .int()
    .min(1024)
    .max(4 * 1024 * 1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe(
      'Bytes of images and requests held for one peer; beyond it its requests wait. At least max_message_bytes + max_image_bytes.',
    ),
  max_held_bytes_total: z
    .int()
    .min(1024)
    .max(1024 * 1024 * 1024 * 1024)
    .default(512 * 1024 * 1024)
    .describe(
      'Bytes of requests, images and replies held in one worker for all its peers; beyond half of it those that hold most get error 6, beyond it all, and who does not take its replies is dropped. At least twice what one peer may hold.',
    ),
  read_ahead_bytes: z
    .int()
    .min(1024)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024)
    .describe(
      'How far a peer that is slowed is still read, so that its 0x03 is seen; 16 KiB at most for viewers, and where `max_held_bytes_total` lets it hold no more.',
    ),
  ...downloadLimits,
  max_model_bytes: z
    .int()
    .min(1024)
    .max(2 ** 31 - 1)
    .default(1024 * 1024 * 1024)
    .describe(
      'Bytes of one model file: several times what networks have that judge photos in time. No ONNX file can be longer than 2 GiB.',
    ),
  model_proof_timeout_ms: milliseconds(hourMs)
    .default(60_000)
    .describe(
      'Longest time for loading a model and judging a few pictures in a process of its own, before anything serves by it: many times what a usual one needs, since it stands back behind serving.',
    ),
  max_model_memory_bytes: z
    .int()
    .min(256 * 1024 * 1024)
    .max(1024 * 1024 * 1024 * 1024)
    .default(4 * 1024 * 1024 * 1024)
    .describe(
      'Memory of that process, 150 MB of it without any model; one that takes more would take it of every worker.',
    ),
});
