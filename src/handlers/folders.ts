// The folders that clients name things in.

export interface Folder {
  /** What clients are told: a path from where the server was started, or an absolute one. */
  readonly name: string;
  /** Absolute, links resolved. */
  readonly path: string;
}

/** What serves now. */
export interface Folders {
  readonly images: Folder;
  readonly models: Folder;
}
