// How sure a share is that was counted: with 24 photos, "7 of 7" still allows for a model that is right in two of three.

export type Interval = readonly [low: number, high: number];

/** Of the normal distribution, for 95 %. */
const z = 1.959963984540054;

/**
 * The score interval of E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
 * American Statistical Association 22 (1927), pp. 209-212. Unlike the usual ± it holds for few photos and for shares of 0
 * and 1. null of nothing.
 */
export function wilsonInterval(hits: number, count: number): Interval | null {
  if (count === 0) return null;
  const share = hits / count;
  const weight = 1 + z ** 2 / count;
  const centre = (share + z ** 2 / (2 * count)) / weight;
  const half = (z / weight) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return [hits === 0 ? 0 : centre - half, hits === count ? 1 : centre + half];
}
