// How the process of a worker is started: the engine's heap, the threads of its pool, and the C library's memory.

/**
 * Each image takes about a megabyte of memory outside the heap for a moment. With its usual limit the engine looks
 * through the whole heap for it every dozen images; so much (in MiB) it may let lie first. With half of it attached images
 * cost more CPU, with twice as much memory creeps up over tens of thousands of images.
 */
const oldSpaceMiB = 32;

/**
 * The heap of what is new, in MiB: a quarter of the usual limit. What grows in it with many connections at once stays for
 * good, three to four kilobytes for each of them.
 */
const newSpaceMiB = 4;

export const heapOptions: readonly string[] = [
  `--initial-old-space-size=${oldSpaceMiB}`,
  `--max-semi-space-size=${newSpaceMiB}`,
];

/**
 * Threads of libuv's pool, which reads and decodes images, if nothing else says how many: two images at a time, and four
 * reads that hang because a share is gone.
 */
const poolThreads = 6;

/**
 * The C library's (glibc's) memory. It gives threads areas of their own, up to eight a core, and each keeps what was freed in
 * it: with every change of the model a new thread would take to another one; two hold as much as is needed. Large blocks, such
 * as those of a network's layers, would be cut from them, too, once one of them has been freed, and leave holes between what
 * stays. With a fixed limit they are mapped one by one, and what a model had is the system's again when it goes. (The usual
 * limits adapt; all of them are fixed once one is.)
 */
const memory = { areas: 2, mapFromBytes: 1_000_000, keepFreeBytes: 4_000_000 } as const;

/** The environment of the process; what this one's says wins. */
export function workerEnvironment(): NodeJS.ProcessEnv {
  // ONNX Runtime would report to its maker and leave files in the folder for temporary ones.
  return {
    UV_THREADPOOL_SIZE: String(poolThreads),
    MALLOC_ARENA_MAX: String(memory.areas),
    MALLOC_MMAP_THRESHOLD_: String(memory.mapFromBytes),
    MALLOC_TRIM_THRESHOLD_: String(memory.keepFreeBytes),
    ORT_DISABLE_TELEMETRY: '1',
    ...process.env,
  };
}
