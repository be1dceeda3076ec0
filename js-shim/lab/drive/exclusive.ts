/**
 * One tab after the other.
 *
 * The tabs of a browser share one drive and one ledger. To write a file and to note that it was
 * written are two things, and a tab that looks between them would take the file for somebody else's.
 * The Web Locks API keeps tabs apart; it is missing on plain `http:` other than localhost, where a
 * page can only keep its own order.
 */
const queues = new Map<string, Promise<unknown>>();

/** Do something while no other tab (at least: nothing else on this page) does something of this name. */
export function exclusively<T>(
  name: string,
  task: () => Promise<T>
): Promise<T> {
  if (typeof navigator !== 'undefined' && navigator.locks) {
    return navigator.locks.request(name, task) as Promise<T>;
  }
  const before = queues.get(name) ?? Promise.resolve();
  const result = before.then(task);
  const end = result.then(
    () => undefined,
    () => undefined
  );
  queues.set(name, end);
  void end.then(() => queues.get(name) === end && queues.delete(name));
  return result;
}

/**
 * Do something with a file of a site's drive while nothing else that asks here does. To save a file and to
 * rename it take the drive several steps each: done at once, they leave the file under both names.
 */
export function withFile<T>(
  baseUrl: string,
  path: string,
  task: () => Promise<T>
): Promise<T> {
  return exclusively(`jupyterlite-webrtc:${baseUrl}:${path}`, task);
}
