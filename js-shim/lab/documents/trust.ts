/**
 * How one's own trust outlives a cell, and how JupyterLab learns that it ended.
 *
 * Yjs cannot move a cell: moving, or undoing a deletion, makes a new one with the old id. A peer
 * can do so too. `TrustMemory` therefore remembers trust together with a fingerprint of the outputs
 * it was given to: the new cell is trusted when it shows the very same outputs.
 *
 * `CodeCellModel` of JupyterLab copies a cell's trust when it is made and never looks again.
 * `followTrust` keeps the copies in step; without it, outputs that a peer puts into a cell that one
 * has run would be rendered as trusted.
 */
import type { YCodeCell } from '@jupyter/ydoc';
import type { ISignal } from '@lumino/signaling';
import type * as Y from 'yjs';
import type { ILocalTrust, LocalCodeCell } from './cells.js';
import { digestText } from './digest.js';
import { normaliseNotebook, normaliseOutputs } from './normalise.js';

/** The part of JupyterLab's `INotebookModel` that has copies of trust. */
export interface ITrustingModel {
  readonly sharedModel: unknown;
  readonly cells: Iterable<{ readonly sharedModel: unknown; trusted: boolean }>;
}

/** What outputs a cell was trusted with. */
export function fingerprint(id: unknown, outputs: unknown): string {
  return digestText(JSON.stringify([id, normaliseOutputs(outputs)]));
}

/** The fingerprints of a notebook's code cells: of all, or of those it calls trusted. */
export function fingerprints(
  notebook: unknown,
  onlyTrusted = false
): Set<string> {
  if ((notebook as any)?.nbformat !== 4) {
    return new Set();
  }
  const claims = (notebook as any).cells ?? [];
  const prints = normaliseNotebook(notebook).cells.map((cell, index) => {
    const trusted = claims[index].metadata?.trusted === true;
    return cell.outputs && (trusted || !onlyTrusted)
      ? fingerprint(cell.id, cell.outputs)
      : '';
  });
  return new Set(prints.filter(print => print !== ''));
}

/** Which outputs of which cells were trusted here. */
export class TrustMemory {
  /**
   * Note the outputs of the trusted ones among cells which may be about to go. A cell that is
   * running is left out, its outputs change all the time.
   */
  remember(cells: Iterable<unknown>): void {
    for (const cell of cells) {
      if (isCodeCell(cell) && cell.trusted && !this._fresh.has(cell)) {
        if (cell.executionState === 'idle') {
          this._trusted.add(fingerprint(cell.getId(), cell.getOutputs()));
          this._markFresh(cell);
        }
      }
    }
  }

  /** Trust a cell that shows what was trusted before. */
  recall(cell: unknown): void {
    if (isCodeCell(cell) && !cell.trusted && this._trusted.size > 0) {
      const print = fingerprint(cell.getId(), cell.getOutputs());
      cell.trusted = this._trusted.has(print);
    }
  }

  /** Trust what was saved as trusted in one's own file. */
  adopt(notebook: unknown): void {
    fingerprints(notebook, true).forEach(print => this._trusted.add(print));
  }

  /** The fingerprint of a cell holds until its outputs change. */
  private _markFresh(cell: LocalCodeCell): void {
    const outputs: Y.Array<unknown> = cell.ymodel.get('outputs');
    const outdate = () => {
      this._fresh.delete(cell);
      outputs.unobserveDeep(outdate);
    };
    this._fresh.add(cell);
    outputs.observeDeep(outdate);
  }

  private _trusted = new Set<string>();
  private _fresh = new WeakSet<object>();
}

/**
 * Keep the trust of a notebook's JupyterLab model in step with that of its cells. Call it when the
 * model is made, before it can hear from peers.
 *
 * @returns How to stop.
 */
export function followTrust(model: ITrustingModel): () => void {
  const signal = (
    model.sharedModel as {
      trustChanged?: ISignal<unknown, YCodeCell & ILocalTrust>;
    }
  ).trustChanged;
  const follow = (_: unknown, cell: YCodeCell & ILocalTrust) => {
    for (const copy of model.cells) {
      if (copy?.sharedModel === cell) {
        copy.trusted = cell.trusted;
      }
    }
  };
  for (const copy of model.cells) {
    // What ended before we were here.
    if ((copy?.sharedModel as Partial<ILocalTrust>).trusted === false) {
      copy.trusted = false;
    }
  }
  signal?.connect(follow);
  return () => void signal?.disconnect(follow);
}

function isCodeCell(cell: any): cell is LocalCodeCell {
  return cell?.cell_type === 'code' && typeof cell.trusted === 'boolean';
}
