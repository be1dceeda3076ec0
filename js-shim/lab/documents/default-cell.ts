/**
 * The empty cell of an empty notebook, the same one on every page.
 *
 * JupyterLab keeps a cell in every notebook: its widget inserts one when it is made for an empty
 * notebook, and one animation frame after the last cell went. With N people looking at one notebook
 * it does so N times, and "delete all cells" leaves N cells.
 *
 * Leaving it to the person who emptied the notebook is not enough: that page may close before the
 * frame. So everyone inserts it, but as the same change: its ids are derived from the occasion, and
 * Yjs takes a change that it has for the same change. The *occasion* is the set of all cells that
 * the notebook ever held. Everyone who sees a notebook empty agrees about that, whatever else they
 * have or lack; and emptying it again is another occasion, since the default cell is one more cell
 * that it held.
 */
import * as Y from 'yjs';
import { canonicalJson } from './canonical.js';
import { cellContent } from './cell-content.js';
import { clientIdOf, digestText } from './digest.js';

/** Whether JSON is the cell that JupyterLab puts into an empty notebook. */
export function isDefaultCell(cell: Record<string, any>): boolean {
  const metadata = Object.keys(cell.metadata ?? {});
  return (
    cell.id === undefined &&
    !cell.source?.length &&
    !cell.outputs?.length &&
    !cell.attachments &&
    metadata.every(key => key === 'trusted')
  );
}

/** The change that puts a default cell into a notebook, which must be empty. */
export function defaultCellUpdate(
  document: Y.Doc,
  cellType: string
): { update: Uint8Array; clientID: number } {
  const hash = digestText(canonicalJson([cellType, occasion(document)]));
  const scratch = new Y.Doc();
  scratch.clientID = clientIdOf(hash);
  const cell = { cell_type: cellType, id: hash.slice(0, 12) };
  scratch.getArray('cells').insert(0, [cellContent(cell)]);
  const update = Y.encodeStateAsUpdate(scratch);
  scratch.destroy();
  return { update, clientID: clientIdOf(hash) };
}

/**
 * The ids of all cells that the notebook ever held. Before anything was loaded there is no history
 * to speak of, and the cell is a mere placeholder.
 */
function occasion(document: Y.Doc): unknown {
  if (document.store.clients.size === 0) {
    return 'placeholder';
  }
  const runs: [number, number, number][] = [];
  // Deleted items stay in the list; which of them Yjs has merged into one differs between pages.
  for (
    let item = document.getArray('cells')._start;
    item !== null;
    item = item.right
  ) {
    runs.push([item.id.client, item.id.clock, item.length]);
  }
  return mergedRuns(runs);
}

function mergedRuns(runs: [number, number, number][]): unknown {
  const merged: [number, number, number][] = [];
  for (const [client, clock, length] of runs.sort(
    (a, b) => a[0] - b[0] || a[1] - b[1]
  )) {
    const last = merged[merged.length - 1];
    if (last && last[0] === client && last[1] + last[2] === clock) {
      last[2] += length;
    } else {
      merged.push([client, clock, length]);
    }
  }
  return merged;
}
