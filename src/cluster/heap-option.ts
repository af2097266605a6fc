// How the JavaScript engine of a process that judges images is started.

/**
 * Each image takes about a megabyte of memory outside the heap for a moment. With its usual limit the engine looks
 * through the whole heap for it every dozen images, at a price of up to a tenth of all CPU; so much (in MiB) it may let
 * lie first.
 */
export const heapOption = '--initial-old-space-size=64';
