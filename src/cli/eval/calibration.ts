// Whether a confidence means what it says: of all that is told with 0.8, eight in ten should be right.

/** Something that was told, and whether it was so. */
export interface Told {
  /** 0 to 1. */
  readonly confidence: number;
  readonly isRight: boolean;
}

export interface Bin {
  /** Above this confidence (the first bin: from 0 on) … */
  readonly from: number;
  /** … to this one. */
  readonly to: number;
  readonly count: number;
  /** null where nothing is in it. */
  readonly meanConfidence: number | null;
  readonly share: number | null;
}

export interface Calibration {
  readonly count: number;
  /**
   * How far confidence and share of right ones are apart, on average over the bins, by what is in them: M. P. Naeini, G. F.
   * Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
   */
  readonly expectedError: number;
  /** Mean of (confidence − 1 or 0)²: G. W. Brier, Monthly Weather Review 78 (1950), pp. 1-3. */
  readonly brier: number;
  readonly bins: readonly Bin[];
}

const binCount = 10;

/** null of nothing. */
export function calibrationOf(told: readonly Told[]): Calibration | null {
  if (told.length === 0) return null;
  const bins = Array.from({ length: binCount }, (_, index) =>
    binOf(
      index,
      told.filter(({ confidence }) => placeOf(confidence) === index),
    ),
  );
  const expectedError = bins.reduce(
    (sum, { count, meanConfidence, share }) =>
      sum + (count / told.length) * Math.abs((meanConfidence ?? 0) - (share ?? 0)),
    0,
  );
  const brier = meanOf(told.map(({ confidence, isRight }) => (confidence - (isRight ? 1 : 0)) ** 2));
  return { count: told.length, expectedError, brier, bins };
}

function placeOf(confidence: number): number {
  return Math.min(binCount - 1, Math.max(0, Math.ceil(confidence * binCount) - 1));
}

function binOf(index: number, told: readonly Told[]): Bin {
  const [from, to] = [index / binCount, (index + 1) / binCount];
  if (told.length === 0) return { from, to, count: 0, meanConfidence: null, share: null };
  return {
    from,
    to,
    count: told.length,
    meanConfidence: meanOf(told.map(({ confidence }) => confidence)),
    share: told.filter(({ isRight }) => isRight).length / told.length,
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
