// Text inside SVG: names of files and classes are chosen by others.

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** For contents of elements and for values of attributes; what XML 1.0 cannot hold becomes U+FFFD. */
export function xmlText(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}\u{fffe}\u{ffff}]/gu, '\u{fffd}')
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** Characters of Chinese, Korean, Japanese and the like, and pictures, take the room of two. */
const wide =
  /[\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Extended_Pictographic}]/u;

/** The end of a text, which of a path says most, in the room of `max` characters. */
export function endOf(text: string, max: number): string {
  const characters = Array.from(text);
  if (roomOf(characters) <= max) return text;
  let at = characters.length;
  for (let room = max - 1; at > 0; at--) {
    room -= roomOf(characters.slice(at - 1, at));
    if (room < 0) break;
  }
  return `…${characters.slice(at).join('')}`;
}

function roomOf(characters: readonly string[]): number {
  return characters.reduce((sum, character) => sum + (wide.test(character) ? 2 : 1), 0);
}
