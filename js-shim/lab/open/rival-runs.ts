/**
 * Keeps what our kernel says of a cell that somebody else's run took over, until it is known whether
 * that run begins (see `documents/running.ts`).
 */
import type { CodeCell, ICodeCellModel } from '@jupyterlab/cells';
import type { IOutput } from '@jupyterlab/nbformat';
import type { OutputArea } from '@jupyterlab/outputarea';
import type { LocalCodeCell } from '../documents/index.js';
import type { ContestStep } from '../documents/running.js';

type Future = NonNullable<ReturnType<OutputArea['detachFuture']>>;

/** A run that is not shown: its outputs so far, and what was said since. */
interface IHeldRun {
  future: Future;
  outputs: IOutput[];
  said: (() => unknown)[];
}

/** The runs of one view of a notebook that others took over. */
export class RivalRuns {
  /** Follow what happens to the run of a cell. */
  follow(cell: LocalCodeCell, widget: CodeCell, step: ContestStep): void {
    this[step](widget, cell);
  }

  /** JupyterLab's own models still have the outputs that a peer took out. */
  private emptied({ model, outputArea }: CodeCell, cell: LocalCodeCell): void {
    const removed = unannounced(model, cell);
    if (outputArea.future && removed > 0) {
      const outputs = model.outputs.toJSON().slice(0, removed);
      this._emptied.set(outputArea.future, outputs);
    }
  }

  /** The kernel goes on. What it says is kept, and the cell shows what the other's says. */
  private superseded(widget: CodeCell, cell: LocalCodeCell): void {
    const future = widget.outputArea.detachFuture();
    if (!future) {
      return;
    }
    const outputs = widget.model.outputs.toJSON();
    if (unannounced(widget.model, cell) <= 0) {
      outputs.unshift(...(this._emptied.get(future) ?? []));
    }
    const said: IHeldRun['said'] = [];
    future.onIOPub = msg => void said.push(() => future.onIOPub(msg));
    future.onStdin = msg => void said.push(() => future.onStdin(msg));
    this._held.set(cell, { future, outputs, said });
  }

  /** It is of no use any more. */
  private begun(_: CodeCell, cell: LocalCodeCell): void {
    const held = this._held.get(cell);
    if (held) {
      held.future.onIOPub = held.future.onStdin = () => undefined;
      this._held.delete(cell);
    }
  }

  /** Show it as if it had never been taken over. */
  private returned({ model, outputArea }: CodeCell, cell: LocalCodeCell): void {
    const held = this._held.get(cell);
    if (!held) {
      return; // another view has it
    }
    this._held.delete(cell);
    // These are outputs of our own kernel alone.
    model.trusted = true;
    model.outputs.fromJSON(held.outputs);
    outputArea.reattachFuture(held.future);
    held.said.forEach(say => say());
    if (held.future.isDisposed) {
      cell.executionState = 'idle'; // the kernel may be gone, and no count come to end it
    }
  }

  private _emptied = new WeakMap<Future, IOutput[]>();
  private _held = new WeakMap<LocalCodeCell, IHeldRun>();
}

/** How many outputs a peer took out in the change that is about to be announced to JupyterLab. */
function unannounced(model: ICodeCellModel, { ymodel }: LocalCodeCell): number {
  return model.outputs.length - ymodel.get('outputs').length;
}
