/** Many pieces of work, so many at once. */

/** The results in the order of the items. With `limit` null everything starts at once. The first failure is thrown once nothing new starts. */
export async function inPool<T, R>(items: T[], limit: number | null, work: (item: T) => Promise<R>): Promise<R[]> {
  if (limit === null || limit >= items.length) return Promise.all(items.map(work));
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  };
  try {
    await Promise.all(Array.from({ length: limit }, lane));
  } catch (error) {
    next = items.length;
    throw error;
  }
  return results;
}
