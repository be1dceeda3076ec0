/**
 * What the tests of this folder share: notebooks to seed, and peers without a network.
 */
import * as Y from 'yjs';

/** A notebook with these cells. */
export function notebook(cells: object[], minor = 5): any {
  return { nbformat: 4, nbformat_minor: minor, metadata: {}, cells };
}

/** The value with the keys of all its objects in an order that `seed` decides. */
export function shuffledKeys(value: any, seed: number): any {
  if (Array.isArray(value)) {
    return value.map(item => shuffledKeys(item, seed));
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  const rank = (key: string) =>
    [...key].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 65537, seed) *
    ((seed % 7) + 1);
  return Object.fromEntries(
    Object.keys(value)
      .sort((a, b) => (rank(a) % 101) - (rank(b) % 101))
      .map(key => [key, shuffledKeys(value[key], seed)])
  );
}

/** Give everyone what the others have, as remote updates, until nothing is new. */
export function exchange(...docs: Y.Doc[]): void {
  for (let round = 0; round < 3; round++) {
    for (const from of docs) {
      for (const to of docs.filter(doc => doc !== from)) {
        const update = Y.encodeStateAsUpdate(from, Y.encodeStateVector(to));
        Y.applyUpdate(to, update, 'peer');
      }
    }
  }
}

/** Keep documents in step from now on, at once. Returns how to stop. */
export function connect(...docs: Y.Doc[]): () => void {
  exchange(...docs);
  const stops = docs.map(from => {
    const forward = (update: Uint8Array, origin: unknown) => {
      if (origin !== 'peer') {
        docs
          .filter(to => to !== from)
          .forEach(to => Y.applyUpdate(to, update, 'peer'));
      }
    };
    from.on('update', forward);
    return () => from.off('update', forward);
  });
  return () => stops.forEach(stop => stop());
}
