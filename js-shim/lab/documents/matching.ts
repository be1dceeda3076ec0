/**
 * Which cells of a document are which cells of a file.
 *
 * Cells are the same when they have the same id, else when they have the same text and an id that
 * the file does not know (they keep that one: an id is no content). Yjs cannot move
 * things, so of the cells that are in both only those can stay that come in the same order; most of
 * them do when as many as possible stay, which is the longest increasing subsequence.
 */

/** What a cell is recognised by. */
export interface ICellKey {
  id: string;
  cell_type: string;
  source: string;
}

/**
 * For each cell of `target` the index of the cell of `current` that stays for it, or -1. The
 * indices increase.
 */
export function matchCells(current: ICellKey[], target: ICellKey[]): number[] {
  const match = new Array<number>(target.length).fill(-1);
  const free = new Set(current.keys());
  const known = new Set(target.map(cell => cell.id));
  const byKey = (key: (cell: ICellKey) => string, isId: boolean) => {
    const candidates = new Map<string, number[]>();
    for (const index of free) {
      if (known.has(current[index].id) !== isId) {
        continue;
      }
      const name = key(current[index]);
      candidates.set(name, [...(candidates.get(name) ?? []), index]);
    }
    target.forEach((cell, n) => {
      const index = match[n] < 0 ? candidates.get(key(cell))?.shift() : -1;
      if (index !== undefined && index >= 0) {
        match[n] = index;
        free.delete(index);
      }
    });
  };
  byKey(cell => JSON.stringify([cell.cell_type, cell.id]), true);
  byKey(cell => JSON.stringify([cell.cell_type, cell.source]), false);
  const staying = longestIncreasing(match);
  return match.map((index, n) => (staying.has(n) ? index : -1));
}

/** Positions of a longest increasing subsequence of the non-negative numbers, in n log n. */
function longestIncreasing(numbers: number[]): Set<number> {
  const before = new Array<number>(numbers.length).fill(-1);
  // The position at which the best subsequence of each length ends.
  const ends: number[] = [];
  numbers.forEach((number, position) => {
    if (number >= 0) {
      const length = firstNotBelow(ends, number, numbers);
      before[position] = length > 0 ? ends[length - 1] : -1;
      ends[length] = position;
    }
  });
  const result = new Set<number>();
  let position = ends.length > 0 ? ends[ends.length - 1] : -1;
  for (; position >= 0; position = before[position]) {
    result.add(position);
  }
  return result;
}

function firstNotBelow(
  ends: number[],
  number: number,
  numbers: number[]
): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[ends[middle]] < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
