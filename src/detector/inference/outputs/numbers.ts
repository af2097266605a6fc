// Whether an output holds nothing but numbers.
import type { OutputData } from './boxes.js';

/**
 * False where one is NaN or infinite: times zero, either is NaN. Four sums side by side take a third of the time of one, a quarter
 * of a millisecond for the 700,000 numbers of a large detector.
 */
export function isAllNumbers({ data }: OutputData): boolean {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  let index = 0;
  for (; index + 3 < data.length; index += 4) {
    first += (data[index] ?? 0) * 0;
    second += (data[index + 1] ?? 0) * 0;
    third += (data[index + 2] ?? 0) * 0;
    fourth += (data[index + 3] ?? 0) * 0;
  }
  for (; index < data.length; index++) first += (data[index] ?? 0) * 0;
  return first + second + third + fourth === 0;
}
