// Queues that are empty most of the time.

/** Takes the first item out. A list that is empty then keeps no memory; `shift` alone would leave it that of 17 items. */
export function takeFirst<T>(list: T[]): T | undefined {
  if (list.length > 1) return list.shift();
  const [first] = list;
  list.length = 0;
  return first;
}
