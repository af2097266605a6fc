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
 * The C library (glibc) gives threads memory areas of their own, up to eight a core, and each keeps what was freed in it.
 * With every change of the model a new thread would take to another one; two hold as much as is needed.
 */
const memoryAreas = 2;

/** The environment of the process; what this one's says wins. */
export function workerEnvironment(): NodeJS.ProcessEnv {
  // ONNX Runtime would report to its maker and leave files in the folder for temporary ones.
  return {
    UV_THREADPOOL_SIZE: String(poolThreads),
    MALLOC_ARENA_MAX: String(memoryAreas),
    ORT_DISABLE_TELEMETRY: '1',
    ...process.env,
  };
}
