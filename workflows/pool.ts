/** Many pieces of work, so many at once. */

/**
 * The results in the order of the items. With `limit` null everything starts at once. The first failure is thrown once nothing new starts.
 * Where `stop` says so before an item, no more are begun: the results are then those of the first items alone.
 */
export async function inPool<T, R>(
  items: T[],
  limit: number | null,
  work: (item: T) => Promise<R>,
  stop: () => boolean = () => false,
): Promise<R[]> {
  if (limit === null || limit >= items.length) return Promise.all(items.map(work));
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && !stop()) {
      const at = next++;
      results[at] = await work(items[at] as T);
    }
  };
  try {
    await Promise.all(Array.from({ length: limit }, lane));
  } catch (error) {
    next = items.length;
    throw error;
  }
  return results;
}
