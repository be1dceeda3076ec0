/**
 * The documents that JupyterLab opens, with what is personal kept personal.
 *
 * They stand in for `YNotebook` and `YFile`, with a room or without. To JupyterLab they behave the
 * same; towards peers they keep trust (`cells.ts`) and state (`local-state.ts`) to themselves and
 * make the default cell of an empty notebook only once (`default-cell.ts`).
 *
 * `YNotebook` makes its cells itself, in the observer of its list of cells and in `insertCells`. To
 * have ours instead, both are replaced.
 */
import {
  YFile,
  YNotebook,
  type NotebookChange,
  type SharedCell,
  type YCellType
} from '@jupyter/ydoc';
import { UUID } from '@lumino/coreutils';
import { Signal, type ISignal } from '@lumino/signaling';
import * as Y from 'yjs';
import { cellContent } from './cell-content.js';
import { cellOf, LocalCodeCell, type ILocalTrust } from './cells.js';
import { defaultCellUpdate, isDefaultCell } from './default-cell.js';
import { applyOwn, isRemote, withLocalState } from './local-state.js';
import { RunningCells, type ContestStep } from './running.js';
import { fingerprint, fingerprints, TrustMemory } from './trust.js';
import { spareOthers } from './undo.js';

/** What documents of a kind have in common on this page. */
export interface IDocumentOptions {
  /** Whether undoing in one cell leaves the others alone, as JupyterLab's setting says. */
  disableDocumentWideUndoRedo?: boolean;
}

/**
 * A new, empty document of one of JupyterLab's own content types; undefined for those of other
 * extensions.
 */
export function createDocument(
  contentType: string,
  options: IDocumentOptions = {}
): LocalNotebook | LocalFile | undefined {
  switch (contentType) {
    case 'notebook':
      return new LocalNotebook(options);
    case 'file':
      return new LocalFile();
    default:
      return undefined;
  }
}

/** A text file whose state is one's own. */
export class LocalFile extends withLocalState(YFile) {}

/** A notebook whose trust and state are one's own. */
export class LocalNotebook extends withLocalState(YNotebook) {
  constructor(options?: IDocumentOptions) {
    super(options);
    this._ycells.unobserve((this as any)._onYCellsChanged);
    // Under the same name, so that `YNotebook` stops it when it is disposed of.
    (this as any)._onYCellsChanged = this._onCells;
    this._ycells.observe(this._onCells);
    this.ydoc.on('beforeTransaction', this._beforeTransaction);
    this.running = new RunningCells(this, this.awareness);
    spareOthers(this.undoManager, this._ycells);
  }

  /** Which cells run, and who runs them. */
  readonly running: RunningCells;

  /** Emitted with a cell when its trust changed, before the change that caused it is announced. */
  get trustChanged(): ISignal<this, LocalCodeCell> {
    return this._trustChanged;
  }

  /** Emitted with a cell when somebody else's run took the place of ours, or gave it back. */
  get contested(): ISignal<this, [LocalCodeCell, ContestStep]> {
    return this._contested;
  }

  /** Called by cells. */
  onTrustChanged(cell: LocalCodeCell): void {
    this._trustChanged.emit(cell);
  }

  /** Called by cells. */
  onContest(cell: LocalCodeCell, step: ContestStep): void {
    this._contested.emit([cell, step]);
  }

  /**
   * Trust the cells that show what was trusted in one's own file, when the content itself came from
   * elsewhere.
   */
  adoptTrust(notebook: unknown): void {
    this._memory.adopt(notebook);
    this.cells.forEach(cell => this._memory.recall(cell));
  }

  /**
   * Make a change that shows what is in one's own file, with the trust that the file has. Trust in
   * outputs that the change replaces ends before they are.
   */
  withTrustOf(notebook: unknown, change: () => void): void {
    const staying = fingerprints(notebook);
    for (const cell of this.cells) {
      const own = cell as YCellType & ILocalTrust;
      if (own.trusted && cell instanceof LocalCodeCell) {
        own.trusted = staying.has(fingerprint(cell.getId(), cell.getOutputs()));
      }
    }
    this._memory.adopt(notebook);
    change();
    this.cells.forEach(cell => this._memory.recall(cell));
  }

  override getMetadata(key?: string): any {
    const isMap = this.ymeta.get('metadata') instanceof Y.Map;
    return isMap ? super.getMetadata(key as string) : undefined;
  }

  override setMetadata(metadata: any, value?: any): void {
    this._repairMetadata();
    super.setMetadata(metadata, value);
  }

  override updateMetadata(value: any): void {
    this._repairMetadata();
    super.updateMetadata(value);
  }

  override insertCells(
    index: number,
    cells: SharedCell.Cell[]
  ): (YCellType & ILocalTrust)[] {
    if (
      this._ycells.length === 0 &&
      cells.length === 1 &&
      isDefaultCell(cells[0])
    ) {
      return [this._insertDefaultCell(cells[0])];
    }
    const inserted = this._place(index, cells);
    this.dirty = true;
    return inserted;
  }

  override moveCells(fromIndex: number, toIndex: number, n = 1): void {
    const moved = this._ycells.slice(fromIndex, fromIndex + n);
    const cells = moved.map(
      content => this._ownCell(content).toJSON() as SharedCell.Cell
    );
    this.transact(() => {
      this._ycells.delete(fromIndex, n);
      this._place(fromIndex > toIndex ? toIndex : toIndex - n + 1, cells);
    });
    this.dirty = true;
  }

  override deleteCellRange(from: number, to: number): void {
    this._memory.remember(this.cells.slice(from, to));
    super.deleteCellRange(from, to);
  }

  override undo(): boolean {
    this._memory.remember(this.cells);
    return super.undo();
  }

  override redo(): boolean {
    this._memory.remember(this.cells);
    return super.redo();
  }

  /** Also takes out the cell that JupyterLab put into the notebook while it was still empty. */
  override load(update: Uint8Array, origin: unknown): void {
    const known = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(update));
    const stray = this._placeholder;
    super.load(update, origin);
    this._placeholder = null;
    const index = stray ? this._ycells.toArray().indexOf(stray.cell) : -1;
    if (stray && index >= 0 && !known.has(stray.clientID)) {
      if (this._ycells.length > 1 && this._isBlank(stray.cell)) {
        this.ydoc.transact(() => this._ycells.delete(index), 'placeholder');
      }
    }
    this.clearUndoHistory();
    this.dirty = false;
    this.running.inherit();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.ydoc.off('beforeTransaction', this._beforeTransaction);
      this.running.dispose();
      super.dispose();
    }
  }

  /** Put cells into the document, as one change. */
  private _place(
    index: number,
    cells: SharedCell.Cell[]
  ): (YCellType & ILocalTrust)[] {
    const contents = cells.map(cell =>
      cellContent({ ...cell, id: cell.id ?? UUID.uuid4() })
    );
    const own: (YCellType & ILocalTrust)[] = [];
    this.transact(() => {
      this._ycells.insert(index, contents);
      contents.forEach((content, n) =>
        own.push(this._ownCell(content, cells[n]))
      );
    });
    return own;
  }

  private _insertDefaultCell(cell: SharedCell.Cell): YCellType & ILocalTrust {
    const isFirst = this.ydoc.store.clients.size === 0;
    const { update, clientID } = defaultCellUpdate(this.ydoc, cell.cell_type);
    // Undoing the deletion of all cells takes the default cell away, for who deleted them.
    const origin = this._emptiedByPeer ? 'default-cell' : this;
    const own = this.ydoc.transact(() => {
      applyOwn(this.ydoc, update, origin);
      return this._ownCell(this._ycells.get(0), cell);
    }, origin);
    if (isFirst) {
      this._placeholder = { cell: own.ymodel, clientID };
    }
    this.dirty = true;
    return own;
  }

  /** A peer can write anything where the metadata should be, and nobody could save any more. */
  private _repairMetadata(): void {
    const metadata = this.ymeta.get('metadata');
    if (metadata !== undefined && !(metadata instanceof Y.Map)) {
      this.transact(() => this.ymeta.set('metadata', new Y.Map()), false);
    }
  }

  private _isBlank(cell: Y.Map<any>): boolean {
    return cell.get('source').length === 0 && !cell.get('outputs')?.length;
  }

  /** The cell around a shared type, with the trust that its JSON claims. */
  private _ownCell(
    content: Y.Map<any>,
    cell?: SharedCell.Cell
  ): YCellType & ILocalTrust {
    let own = this._mapping.get(content);
    if (!own) {
      own = cellOf(content, { notebook: this });
      // A peer may have put in what is no object, which cannot be a key.
      if (content instanceof Y.Map) {
        this._mapping.set(content, own);
      }
      this._memory.recall(own);
    }
    if ((cell?.metadata as any)?.trusted === true) {
      own.trusted = true;
    }
    return own;
  }

  /** As in `YNotebook`: keep the list of cells in step, then tell. */
  private _onCells = (event: Y.YArrayEvent<Y.Map<any>>): void => {
    event.changes.deleted.forEach(item => {
      const content = (item.content as Y.ContentType).type as Y.Map<any>;
      this._mapping.get(content)?.dispose();
      this._mapping.delete(content);
    });
    let index = 0;
    const cellsChange = event.changes.delta.map(part => {
      const inserted = (part.insert as Y.Map<any>[] | undefined)?.map(content =>
        this._ownCell(content)
      );
      this.cells.splice(index, part.delete ?? 0, ...(inserted ?? []));
      index += part.retain ?? inserted?.length ?? 0;
      return inserted ? { insert: inserted } : part;
    });
    if (this._ycells.length === 0) {
      this._emptiedByPeer = isRemote(event.transaction, this);
    }
    this._changed.emit({ cellsChange } as NotebookChange);
  };

  private _beforeTransaction = (transaction: Y.Transaction): void => {
    if (isRemote(transaction, this)) {
      this._memory.remember(this.cells);
    }
  };

  private _mapping = new WeakMap<object, YCellType & ILocalTrust>();
  private _memory = new TrustMemory();
  private _trustChanged = new Signal<this, LocalCodeCell>(this);
  private _contested = new Signal<this, [LocalCodeCell, ContestStep]>(this);
  private _emptiedByPeer = false;
  private _placeholder: { cell: Y.Map<any>; clientID: number } | null = null;
}
