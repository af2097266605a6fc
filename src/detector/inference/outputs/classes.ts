// From the output of a classifier to its verdict.

/** How a classifier tells its classes' scores: before softmax, or as they are. */
export type Scores = 'logits' | 'probabilities';

export interface Verdict {
  readonly classIndex: number;
  /** Softmax probability of the class, 0 to 1. */
  readonly confidence: number;
}

/** Sums of float16 and INT8 softmax are off by so much at most. */
const sumTolerance = 0.02;

/**
 * The class with the highest score, the first of equal ones. A single number is how likely the second of two classes is, or
 * the logit of that. Null where a score is no finite number.
 */
export function verdictOf(output: Float32Array, scores: Scores): Verdict | null {
  const [first] = output;
  if (first === undefined || !output.every(Number.isFinite)) return null;
  if (output.length === 1) {
    const second = scores === 'logits' ? 1 / (1 + Math.exp(-first)) : clamped(first);
    return second > 0.5 ? { classIndex: 1, confidence: second } : { classIndex: 0, confidence: 1 - second };
  }
  const best = output.reduce((highest, score) => Math.max(highest, score), -Infinity);
  const classIndex = output.indexOf(best);
  if (scores === 'probabilities') return { classIndex, confidence: clamped(best) };
  // Scores relative to the best one cannot overflow.
  const sum = output.reduce((total, score) => total + Math.exp(score - best), 0);
  return { classIndex, confidence: 1 / sum };
}

function clamped(share: number): number {
  return Math.min(Math.max(share, 0), 1);
}

/** Room for rounding. */
const shareTolerance = 0.01;

/** Whether no number lies beyond 0 and 1. */
export function mayBeShares(outputs: readonly Float32Array[]): boolean {
  return outputs.every((output) =>
    output.every((score) => !(score < -shareTolerance || score > 1 + shareTolerance)),
  );
}

/**
 * What the answers to some pictures look like: probabilities lie between 0 and 1 and add up to 1. Null where they lie there
 * and do not: independent ones (sigmoid), rounded ones (INT8 with many classes), or logits by chance.
 */
export function scoresOf(outputs: readonly Float32Array[]): Scores | null {
  const areShares = outputs.every((output) => output.every((score) => score >= 0 && score <= 1));
  const addUp = outputs.every(
    (output) => Math.abs(output.reduce((sum, score) => sum + score, 0) - 1) < sumTolerance,
  );
  if (!areShares) return 'logits';
  return addUp ? 'probabilities' : null;
}
