// Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) from text that comes in
// pieces: their data only, since it holds the id and the type as well.

export class SseParser {
  #rest = '';

  /** The data of the events that this piece completes. */
  push(piece: string): string[] {
    const blocks = (this.#rest + piece).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice('data: '.length));
      return data.length === 0 ? [] : [data.join('\n')];
    });
  }
}
