/**
 * What the documents of the benchmarks look like: a list of cells, as in a notebook. A small document
 * is many short sources; a large one is few outputs of 100 KB, which is how notebooks become large.
 */
import * as Y from 'yjs';

const SOURCE = 1_000;
const OUTPUT = 100_000;

/** Up to this size a document is sources only. It is below what one message may hold. */
const SMALL = 250_000;

function sizeOfCell(bytes: number): number {
  return bytes <= SMALL ? SOURCE : OUTPUT;
}

/** How many cells a document of so many bytes has. */
export function cellsIn(bytes: number): number {
  return Math.ceil(bytes / sizeOfCell(bytes));
}

export function cells(ydoc: Y.Doc): Y.Array<Y.Map<unknown>> {
  return ydoc.getArray('cells');
}

/** Characters that do not repeat, so that nothing on the way can make them short. */
function noise(length: number): string {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += MOST_RANDOM_BYTES) {
    crypto.getRandomValues(bytes.subarray(at, at + MOST_RANDOM_BYTES));
  }
  return new TextDecoder().decode(bytes.map(byte => 48 + (byte & 63)));
}

/** `getRandomValues` gives no more at once. */
const MOST_RANDOM_BYTES = 65_536;

/** The cells of a document of so many bytes, made ahead: making them is not what is measured. */
export function makeCells(bytes: number): Y.Map<unknown>[] {
  const size = sizeOfCell(bytes);
  return Array.from({ length: cellsIn(bytes) }, () => {
    const cell = new Y.Map<unknown>();
    if (size === SOURCE) {
      cell.set('source', new Y.Text(noise(SOURCE)));
    } else {
      cell.set('outputs', [{ data: { 'image/png': noise(OUTPUT) } }]);
    }
    return cell;
  });
}

/** Resolves as soon as the document has so many cells. */
export function isComplete(ydoc: Y.Doc, bytes: number): Promise<void> {
  const wanted = cellsIn(bytes);
  return new Promise(resolve => {
    const look = () => {
      if (cells(ydoc).length >= wanted) {
        ydoc.off('afterTransaction', look);
        resolve();
      }
    };
    ydoc.on('afterTransaction', look);
    look();
  });
}
