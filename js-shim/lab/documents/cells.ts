/**
 * Cells whose trust is one's own.
 *
 * JupyterLab keeps "the outputs of this cell may run scripts in this page" as `metadata.trusted` of
 * the cell, inside the shared document. There it is worth nothing: a peer who writes `trusted` into
 * a cell with `<img onerror>` runs a script in everybody's page. Whether *I* trust outputs is a fact
 * about me, so these cells keep it in a field of their own. JupyterLab reads and writes it as
 * before, with `getMetadata('trusted')` and its kin and in `toJSON()` (so that it is saved in one's
 * own file, as always); the shared metadata never has it, and one that comes from a peer is not
 * seen.
 *
 * Trust is given to outputs that are here, so it ends when a peer changes them. That has to reach
 * JupyterLab's own copy of it (`CodeCellModel.trusted`) *before* it renders what the peer wrote,
 * which is why it happens in `getChanges`, the last step before the cell announces a change; see
 * `trust.ts` for who listens.
 */
import {
  YCodeCell,
  YMarkdownCell,
  YRawCell,
  type IExecutionState,
  type SharedCell,
  type YBaseCell,
  type YCellType,
  type YNotebook
} from '@jupyter/ydoc';
import type * as nbformat from '@jupyterlab/nbformat';
import { JSONExt, UUID } from '@lumino/coreutils';
import * as Y from 'yjs';
import { isRemote } from './local-state.js';
import {
  isBegunByOthers,
  removeOutputs,
  RunningCells,
  runOf,
  signRun,
  type ContestStep
} from './running.js';

type Json = Record<string, any>;
type Delta = { insert?: any[]; delete?: number; retain?: number }[];
type Constructor<T> = new (...args: any[]) => T;

/** What these cells add to those of `@jupyter/ydoc`. */
export interface ILocalTrust {
  /** Whether the outputs that are here now may run scripts in this page. */
  trusted: boolean;
}

/** A notebook that wants to know of its cells. */
export interface ICellKeeper {
  /** The trust changed. Called at once, before the change that caused it is announced. */
  onTrustChanged(cell: YCodeCell & ILocalTrust): void;
  /** Somebody else's run took the place of ours, or gave it back. Called at once, too. */
  onContest(cell: YCodeCell & ILocalTrust, step: ContestStep): void;
  readonly running: RunningCells;
}

function withLocalTrust<C extends Constructor<YBaseCell<any>>>(
  Base: C
): C & Constructor<ILocalTrust> {
  return class extends Base implements ILocalTrust {
    get trusted(): boolean {
      return this._trusted;
    }
    set trusted(value: boolean) {
      this._trusted = value;
    }

    override getMetadata(key?: string): any {
      if (key === 'trusted') {
        return this._trusted || undefined;
      }
      const metadata = super.getMetadata(key as any) as any;
      if (key === undefined && metadata !== undefined) {
        delete metadata.trusted;
        if (this._trusted && !this._sharedOnly) {
          metadata.trusted = true;
        }
      }
      return metadata;
    }

    override setMetadata(metadata: any, value?: any): void {
      if (metadata === 'trusted') {
        this.trusted = value === true;
      } else if (typeof metadata === 'string') {
        super.setMetadata(metadata as any, value);
      } else {
        this._setAllMetadata(metadata);
      }
    }

    override deleteMetadata(key: any): void {
      if (key === 'trusted') {
        this.trusted = false;
      } else {
        super.deleteMetadata(key);
      }
    }

    protected override getChanges(events: Y.YEvent<any>[]): any {
      if (!isWellFormed(this.ymodel)) {
        return {};
      }
      const shared = this.ymodel.get('metadata');
      for (const event of events) {
        if (event.target === shared) {
          event.changes.keys.delete('trusted');
        } else if (event.target === this.ymodel) {
          forgetUnchanged(event as Y.YMapEvent<any>);
        }
      }
      return super.getChanges(events);
    }

    /** `YBaseCell` compares with what there is before it writes: show it the shared part only. */
    private _setAllMetadata({ trusted, ...shared }: Json): void {
      if (trusted !== undefined) {
        this.trusted = trusted === true;
      }
      this._sharedOnly = true;
      try {
        super.setMetadata(shared as any);
      } finally {
        this._sharedOnly = false;
      }
    }

    private _trusted = false;
    private _sharedOnly = false;
  } as C & Constructor<ILocalTrust>;
}

/** A markdown cell without trust in its shared metadata. */
export class LocalMarkdownCell extends withLocalTrust(YMarkdownCell) {}

/** A raw cell without trust in its shared metadata. */
export class LocalRawCell extends withLocalTrust(YRawCell) {}

/** A code cell whose trust is one's own. */
export class LocalCodeCell extends withLocalTrust(YCodeCell) {
  override get trusted(): boolean {
    return super.trusted;
  }
  override set trusted(value: boolean) {
    if (value === super.trusted) {
      return;
    }
    super.trusted = value;
    // JupyterLab makes its models of the outputs anew, and would write back what it had before.
    this._frozen = true;
    try {
      this._keeper?.onTrustChanged(this);
    } finally {
      this._frozen = false;
    }
  }

  override get executionState(): IExecutionState {
    return super.executionState;
  }
  /** JupyterLab says `running` on the page that runs the cell, and `idle` on any. */
  override set executionState(state: IExecutionState) {
    const isStart = state === 'running';
    const running = this._keeper?.running;
    const isOthers = !this._runsHere && running?.othersAt(this.id).length;
    if (!isStart && isOthers) {
      return;
    }
    this._runsHere = isStart;
    this._isSuperseded &&= !isStart;
    this.transact(() => {
      super.executionState = state;
      if (isStart) {
        signRun(this.ymodel);
      }
    }, false);
    running?.set(this.id, isStart);
  }

  override setExecutionCount(count: number | null): void {
    if (this._isSuperseded) {
      // Of a run whose outputs are not shown. Once it has nothing to show, that stays so.
      this._ownCount = this._ownCount === null ? null : count;
      // Who clears a cell takes out the outputs first; a null with outputs is of an aborted run.
      if (count !== null || this.ymodel.get('outputs').length > 0) {
        return;
      }
    }
    super.setExecutionCount(count);
  }

  /** Does nothing where the outputs are those already: JupyterLab writes back what it reads. */
  override updateOutputs(
    start: number,
    end: number,
    outputs: nbformat.IOutput[] = [],
    origin: any = null
  ): void {
    if (this._frozen || JSONExt.deepEqual(this._slice(start, end), outputs)) {
      return;
    }
    super.updateOutputs(start, end, outputs, origin);
  }

  protected override getChanges(events: Y.YEvent<any>[]): any {
    const document = this.notebook;
    if (this._runsHere && events.some(touchesOutputs)) {
      this._keeper?.onContest(this, 'emptied');
    }
    if (this.trusted && document && events.some(touchesOutputs)) {
      this.trusted = isOwnWork(events[0].transaction, document);
    }
    if (document && events.some(touchesRun)) {
      this._followRun(document);
    }
    if (document) {
      this._followState(document);
    }
    const changes: any = super.getChanges(events);
    if (changes.outputsChange) {
      changes.outputsChange = inOrder(
        changes.outputsChange,
        this.ymodel.get('outputs')
      );
    }
    return changes;
  }

  /** See `running.ts`: of several people's outputs, those stay whose run the cell shows. */
  private _followRun(document: YNotebook): void {
    const { ydoc } = document;
    const own = ydoc.clientID;
    const run = runOf(this.ymodel);
    if (run === null) {
      return;
    }
    if (this._runsHere && run !== own) {
      this._runsHere = false;
      this._isSuperseded = true;
      this._ownCount = undefined;
      this._keeper?.running.set(this.id, false);
      this._keeper?.onContest(this, 'superseded');
    }
    const isStale = (client: number) =>
      run === own ? this._runsHere && client !== own : client === own;
    ydoc.once('afterTransaction', () =>
      this.transact(() => removeOutputs(this.ymodel, isStale), false)
    );
  }

  /** See `running.ts`: a run that took ours over keeps the cell once it has begun. */
  private _followState({ ydoc }: YNotebook): void {
    const isHeld = this._isSuperseded && this._ownCount !== null;
    if (isHeld && isBegunByOthers(this.ymodel)) {
      this._ownCount = null;
      this._keeper?.onContest(this, 'begun');
    } else if (this.executionState === 'idle' && (isHeld || this._runsHere)) {
      ydoc.once('afterTransaction', () => this._takeBack());
    }
  }

  /** Show our run again, be it at its end or not. */
  private _takeBack(): void {
    const count = this._ownCount;
    if (this._runsHere) {
      super.executionState = 'running'; // who saw the other leave may have set it to idle
    } else if (this._isSuperseded && count !== null) {
      this.executionState = 'running';
      this._keeper?.onContest(this, 'returned');
      if (count !== undefined) {
        this.setExecutionCount(count);
        this.executionState = 'idle';
      }
    }
  }

  private get _keeper(): ICellKeeper | null {
    return this.notebook as unknown as ICellKeeper | null;
  }

  private _slice(start: number, end: number): any[] {
    const outputs: Y.Array<any> = this.ymodel.get('outputs');
    // As in JupyterLab: a peer may have put in plain objects.
    return outputs
      .slice(start, end)
      .map(output => output?.toJSON?.() ?? output);
  }

  private _frozen = false;
  private _runsHere = false;
  private _isSuperseded = false;
  /** The count at the end of our superseded run; null where it has nothing to show any more. */
  private _ownCount: number | null | undefined;
}

/**
 * Where two people set a key at once, it may be "changed" without being another. `YCodeCell` asks
 * for the old value of each changed key, and would throw.
 */
function forgetUnchanged(event: Y.YMapEvent<any>): void {
  for (const key of event.keysChanged) {
    if (!event.changes.keys.has(key)) {
      event.keysChanged.delete(key);
    }
  }
}

/**
 * A change of outputs that JupyterLab can follow. Its models append what is inserted, wherever that
 * is, and join a stream to one that they have just removed. So what isn't a mere appending is told
 * as a replacement of all outputs.
 */
function inOrder(delta: Delta, outputs: Y.Array<any>): Delta {
  const count = (key: 'insert' | 'delete') =>
    delta.reduce((sum, part) => {
      const value = part[key];
      return sum + (Array.isArray(value) ? value.length : (value ?? 0));
    }, 0);
  const before = outputs.length - count('insert') + count('delete');
  const appends = count('delete') === 0 && (delta[0]?.retain ?? 0) === before;
  return appends || outputs.length === 0
    ? delta
    : [{ delete: before }, { insert: outputs.toArray() }];
}

/** Whether outputs changed by our own hand. Undoing may bring back what a peer once wrote. */
function isOwnWork(transaction: Y.Transaction, document: YNotebook): boolean {
  return (
    !isRemote(transaction, document) &&
    !(transaction.origin instanceof Y.UndoManager)
  );
}

/** Whether an event of a cell says that other outputs are shown now. */
function touchesOutputs(event: Y.YEvent<any>): boolean {
  const changed = (event as Partial<Y.YMapEvent<any>>).keysChanged;
  return event.path.length === 0
    ? ['outputs', 'cell_type', 'id'].some(key => changed?.has(key))
    : event.path[0] === 'outputs';
}

/** Whether an event may bring in the outputs of another run. */
function touchesRun(event: Y.YEvent<any>): boolean {
  const changed = (event as Partial<Y.YMapEvent<any>>).keysChanged;
  return (
    !event.transaction.local &&
    (event.path.length === 0
      ? changed?.has('run') === true
      : event.path.length === 1 && event.path[0] === 'outputs')
  );
}

/** Our cell around the shared type of a cell. */
export function cellOf(
  ymodel: unknown,
  options: SharedCell.IOptions
): YCellType & ILocalTrust {
  if (!isWellFormed(ymodel)) {
    return standIn();
  }
  const source = ymodel.get('source');
  switch (ymodel.get('cell_type')) {
    case 'code':
      return new LocalCodeCell(ymodel, source, ymodel.get('outputs'), options);
    case 'markdown':
      return new LocalMarkdownCell(ymodel, source, options);
    default:
      return new LocalRawCell(ymodel, source, options);
  }
}

/** Whether a shared type is laid out as a cell. A peer can write anything. */
export function isWellFormed(ymodel: unknown): ymodel is Y.Map<any> {
  return (
    ymodel instanceof Y.Map &&
    typeof ymodel.get('id') === 'string' &&
    ymodel.get('source') instanceof Y.Text &&
    ymodel.get('metadata') instanceof Y.Map &&
    (ymodel.get('outputs') instanceof Y.Array ||
      ['markdown', 'raw'].includes(ymodel.get('cell_type')))
  );
}

/**
 * An empty cell of no document, shown in place of something that is no cell: the page and all other
 * cells live on, and nothing is deleted.
 */
function standIn(): YCellType & ILocalTrust {
  const [source, metadata] = [new Y.Text(), new Y.Map()];
  const ymodel = new Y.Map<any>([
    ['source', source],
    ['metadata', metadata],
    ['cell_type', 'raw'],
    ['id', UUID.uuid4()]
  ]);
  return new LocalRawCell(ymodel, source, {}, metadata);
}
