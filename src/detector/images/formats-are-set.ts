/**
 * The name of what threads are told (Node's environment data): true once a thread of this process has settled which formats
 * libvips reads.
 */
export const formatsAreSet = 'pear: image formats are set';
