// The folders that clients name things in.

export interface Folder {
  /** As clients are told it: relative to the server's working directory, or absolute. */
  readonly name: string;
  /** Absolute, links resolved. */
  readonly path: string;
}

/** What serves now. */
export interface Folders {
  readonly images: Folder;
  readonly models: Folder;
}
