// The end of what a process writes, for the log: as much as a person reads, however much it is.

const bytesMax = 4096;
const linesMax = 5;
const charactersMax = 1000;

export class OutputTail {
  #bytes = Buffer.alloc(0);

  add(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(-bytesMax)]).subarray(-bytesMax);
  }

  /** The last lines in one, without what a terminal might obey. */
  lines(): string {
    return oneLine(this.#bytes.toString('utf8').trim().split('\n').slice(-linesMax).join(' | ')).slice(
      -charactersMax,
    );
  }
}

/** Without line breaks and other control characters, which words of others may hold. */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
