// Which four numbers are a box.

export const boxMistake = 'a box is left, top, right, bottom in pixels, with left < right and top < bottom';

export function isBox([left, top, right, bottom]: readonly [number, number, number, number]): boolean {
  return [left, top, right, bottom].every(Number.isFinite) && left < right && top < bottom;
}
