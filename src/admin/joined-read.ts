// Reads that many may ask for at once, and that cost: whoever comes while one is under way gets what that one gives.

export function joinedRead<T>(read: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= read().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}
