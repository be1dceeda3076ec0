/**
 * Which cells are running, and by whom.
 *
 * That a cell runs is in the shared document (`execution_state`), and JupyterLab shows a star for it
 * on every page. Who runs it is in the awareness: each page lists there the ids of the cells it is
 * running. So it is gone when the page is, however it goes, and whoever is left then sets its cells
 * back to idle. Everybody does, which is the same change.
 *
 * Two people can run one cell at once. Each of them clears the outputs and appends their own, and the
 * list would hold both. So a run signs the cell (`run`): of two who do so at once Yjs keeps one
 * signature, the same on every page, and of two in turn the later. Whose signature it is not takes out
 * the outputs that they wrote, and shows those of the other; their kernel goes on, unheard.
 *
 * A run signs when it is queued, for JupyterLab clears the outputs then. It may never begin: an earlier
 * cell fails, or its page goes. So whoever was superseded keeps what their kernel says until the other
 * run shows an output or a count. Should that end without either, they sign again and show what they kept.
 */
import { Signal, type ISignal } from '@lumino/signaling';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';

/** The key of a cell that a run signs; whose it is, is whose client wrote it. */
const RUN = 'run';

/** The field of the awareness state that lists the cells which a page is running. */
const FIELD = 'running';

/** How long, in milliseconds, after a document was loaded those who run its cells may say so. */
const GRACE = 3000;

/** What happens to our run of a cell when somebody else runs it too. */
export type ContestStep =
  /** Outputs of ours may have been taken out. */
  | 'emptied'
  /** Theirs took the place of ours. */
  | 'superseded'
  /** Theirs has something to show, so ours is of no use any more. */
  | 'begun'
  /** Theirs ended without having begun, so ours is shown again. */
  | 'returned';

/** Somebody else, as they want to be called. */
export interface IRunner {
  name: string;
  color: string;
}

/** Sign a cell as being run by this page, within a transaction. */
export function signRun(cell: Y.Map<any>): void {
  cell.set(RUN, (Number(cell.get(RUN)) || 0) + 1);
}

/** The client whose run the cell shows; null where none is known. */
export function runOf(cell: Y.Map<any>): number | null {
  const item = cell._map.get(RUN);
  return item && !item.deleted ? item.id.client : null;
}

/** Forget the run of a cell, whose outputs are replaced by those of a file. */
export function forgetRun(cell: Y.Map<any>): void {
  if (cell.has(RUN)) {
    cell.delete(RUN);
  }
}

/** Whether somebody else's run of a cell has anything to show. */
export function isBegunByOthers(cell: Y.Map<any>): boolean {
  const own = cell.doc?.clientID;
  const outputs: Y.Array<any> = cell.get('outputs');
  for (let item = outputs._start; item !== null; item = item.right) {
    if (!item.deleted && item.id.client !== own) {
      return true;
    }
  }
  return typeof cell.get('execution_count') === 'number';
}

/** Take out the outputs of some clients. */
export function removeOutputs(
  cell: Y.Map<any>,
  isStale: (client: number) => boolean
): void {
  const outputs: Y.Array<any> = cell.get('outputs');
  const stale: number[] = [];
  let index = 0;
  for (let item = outputs._start; item !== null; item = item.right) {
    if (!item.deleted && item.countable) {
      if (isStale(item.id.client)) {
        stale.push(...Array.from({ length: item.length }, (_, n) => index + n));
      }
      index += item.length;
    }
  }
  stale.reverse().forEach(index => outputs.delete(index, 1));
}

/** A notebook whose cells run. */
interface IRunningNotebook {
  readonly ydoc: Y.Doc;
  readonly cells: readonly { id: string; ymodel: Y.Map<any> }[];
  readonly isDisposed: boolean;
  transact(change: () => void, undoable?: boolean): void;
}

/** The running cells of one notebook. */
export class RunningCells {
  constructor(
    private _notebook: IRunningNotebook,
    private _awareness: Awareness
  ) {
    _awareness.on('change', this._onChange);
  }

  /** Somebody else began or ended to run a cell. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  dispose(): void {
    this._awareness.off('change', this._onChange);
    clearTimeout(this._timer);
    Signal.clearData(this);
  }

  /** This page runs a cell, or no longer does. */
  set(id: string, isRunning: boolean): void {
    if (this._own.has(id) !== isRunning) {
      if (isRunning) {
        this._own.add(id);
      } else {
        this._own.delete(id);
      }
      this._awareness.setLocalStateField(FIELD, [...this._own]);
    }
  }

  /** Who else runs a cell. */
  othersAt(id: string): IRunner[] {
    return [...this._others]
      .filter(([, ids]) => ids.has(id))
      .map(([client]) => {
        const user = this._awareness.getStates().get(client)?.user;
        const name = String(user?.display_name ?? user?.name ?? '');
        return { name, color: String(user?.color ?? '') };
      });
  }

  /** Set to idle what was running when the document was loaded, unless somebody says that they run it. */
  inherit(): void {
    const inherited = this._notebook.cells.filter(isRunning);
    clearTimeout(this._timer);
    if (inherited.length > 0) {
      this._timer = setTimeout(() => {
        inherited.forEach(({ id }) => this._stop(id, null));
      }, GRACE);
    }
  }

  private _onChange = (change: { removed: number[] }): void => {
    const gone = change.removed.map(
      client => [client, this._others.get(client)] as const
    );
    this._others.clear();
    for (const [client, state] of this._awareness.getStates()) {
      if (client !== this._awareness.clientID && Array.isArray(state[FIELD])) {
        this._others.set(client, new Set(state[FIELD]));
      }
    }
    for (const [client, ids] of gone) {
      ids?.forEach(id => this._stop(id, client));
    }
    this._changed.emit();
  };

  /** End a run that nobody is left to end. */
  private _stop(id: string, client: number | null): void {
    const cell = this._notebook.cells.find(cell => cell.id === id);
    if (!cell || this._notebook.isDisposed) {
      return;
    }
    this._notebook.transact(() => {
      const isHeld = this._own.has(id) || this.othersAt(id).length > 0;
      if (!isHeld && isRunning(cell)) {
        cell.ymodel.set('execution_state', 'idle');
      }
      if (client !== null && runOf(cell.ymodel) !== client) {
        removeOutputs(cell.ymodel, one => one === client);
      }
    }, false);
  }

  private _own = new Set<string>();
  private _others = new Map<number, Set<string>>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _changed = new Signal<this, void>(this);
}

function isRunning(cell: { ymodel: Y.Map<any> }): boolean {
  return cell.ymodel.get('execution_state') === 'running';
}
