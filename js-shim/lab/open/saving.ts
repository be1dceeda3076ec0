/**
 * Saving an open document to the person's own drive, and answering what JupyterLab asks about the file.
 *
 * JupyterLab saves as ever: it asks whether something else has changed the file, takes the content from
 * the model, and hands it over. Three things are different for a document that is live in a room. Other
 * tabs of the same browser save the same file; others type while a save goes on; and what was saved, in
 * which state, goes into the ledger, from which a later page tells an old version from somebody's work.
 * A file and its line in the ledger are one step, in which no other tab touches either.
 */
import { DocumentChange, YDocument } from '@jupyter/ydoc';
import { Contents } from '@jupyterlab/services';
import * as Y from 'yjs';
import { GenesisId, IRoom } from '../../api/types.js';
import { withFile } from '../drive/exclusive.js';
import { ILedger } from '../drive/ledger.js';
import { saveFile } from '../drive/lite-drive.js';
import { DriveFile, ILiveState } from './drive-file.js';
import { IDocumentKind } from './kinds.js';
import { Content } from './opening.js';
import { nextUpdate, stateOf } from './state.js';

/** How long, in milliseconds, a save waits for what another tab has saved already. */
const TAB_PATIENCE = 5000;

/** So old that nobody takes it for a file that was changed meanwhile. */
const LONG_AGO = new Date(0).toISOString();

/** A file, as far as its date is concerned. */
type Dated = Pick<Contents.IModel, 'last_modified'>;

export class Saving {
  constructor(private _options: Saving.IOptions) {
    _options.model.ydoc.on('update', this._onUpdate);
  }

  dispose(): void {
    this._isDisposed = true;
    this._options.model.ydoc.off('update', this._onUpdate);
  }

  /** Counts the changes of the document. */
  get revision(): number {
    return this._revision;
  }

  /** When the document last loaded or saved the file, by the drive's clock. */
  get modified(): string | null {
    return this._file.modified;
  }

  /** The line ending of the file; null where that does not matter. */
  get lineEnding(): string | null {
    return this._lineEnding;
  }

  /** The file is what the document was loaded from. */
  loaded(file: Dated, lineEnding: string | null): void {
    this._file.know(file);
    this._lineEnding = lineEnding;
  }

  /** The document is live. */
  attached(): void {
    this._wasLive = true;
  }

  /** The document is about to be live no more: what is in the ledger will not be asked. */
  detaching(): void {
    const { saved, hasSaved } = this.live();
    if (saved && hasSaved) {
      this._file.know({ last_modified: saved.modified }); // by whichever tab
    }
  }

  /** The ledger's word on this document. */
  live(): ILiveState {
    const { document, kind, model, ledger } = this._options;
    const { path, live } = document;
    const line = live && ledger(live.room).get(path);
    const saved = line?.genesis === live?.genesis ? line : null;
    const reached = Y.encodeStateVector(model.ydoc);
    const hasSaved =
      kind !== null &&
      saved !== null &&
      kind.covers(reached, Uint8Array.from(saved.stateVector));
    return { saved, hasSaved };
  }

  /** The file of a document that was loaded from the room. */
  async summary(fetch: Contents.IFetchOptions): Promise<Contents.IModel> {
    const { files, format, document } = this._options;
    // Without content, so that JupyterLab takes the model as it is.
    const file = await files.get(document.path, { ...fetch, content: false });
    return { ...file, content: null, format, hash: this._file.hash };
  }

  /**
   * Answer JupyterLab's question, before and after it saves, whether something else has changed the
   * file. See `drive-file.ts`.
   */
  async describe(fetch: Contents.IFetchOptions): Promise<Contents.IModel> {
    const { files, document, model } = this._options;
    // What JupyterLab is about to save it took from the model just now.
    this._taken = this._revision;
    if (!this._wasLive) {
      return files.get(document.path, fetch).finally(() => this._recheck());
    }
    const end = Date.now() + TAB_PATIENCE;
    for (;;) {
      const { file, live, answer } = await this._exclusively(() =>
        this._look(fetch)
      );
      if (!this._file.isAhead(file, live) || Date.now() > end) {
        this._recheck();
        return answer;
      }
      await nextUpdate(model.ydoc, end - Date.now());
    }
  }

  /**
   * Save the document, with the line endings that the file had. Nothing is written where another tab
   * has saved the very same.
   */
  async store(file: Partial<Contents.IModel>): Promise<Contents.IModel> {
    const { kind, files, document } = this._options;
    const saved = await this._exclusively(() =>
      kind ? this._store(kind, file) : files.save(document.path, file)
    );
    this._recheck();
    return saved;
  }

  /** Bring the drive's content in as the difference that it makes, not by replacing everything. */
  async revert(fetch: Contents.IFetchOptions): Promise<Contents.IModel> {
    const { files, document, kind, model } = this._options;
    const file = await files.get(document.path, fetch);
    if (!kind || !document.live) {
      return file;
    }
    const { content, lineEnding } = kind.fromFile(file.content);
    this._lineEnding = lineEnding;
    kind.apply(model, content);
    model.dirty = false;
    this._stored = this._revision;
    this._file.reverted(file);
    await this._noteNow(file);
    return { ...file, content: null, hash: this._file.hash };
  }

  /** Bring in what the file has and the room's document lacks. */
  async import(content: Content, file: Dated): Promise<void> {
    const { kind, model } = this._options;
    kind!.apply(model, content);
    model.dirty = false;
    await this._noteNow(file);
  }

  /** The file, as it is just before it gets another name. */
  moving(file: Dated): void {
    this._moving = file;
  }

  /**
   * The file was renamed, which is a new date to the drive and no change: what had been changed before stays
   * changed. `before` is what the ledger said under the old name.
   */
  async renamed(before: ILiveState): Promise<void> {
    const { files, document, ledger } = this._options;
    const was = this._moving;
    this._moving = null;
    const isOwn = was === null || this._file.isOwn(was, before);
    await this._exclusively(async () => {
      const { path, live } = document;
      const { saved } = before;
      const file = await files.get(path, { content: false });
      if (isOwn) {
        this._file.know(file);
      }
      if (saved && live) {
        const isSaved = was === null || was.last_modified === saved.modified;
        const modified = isSaved ? file.last_modified : saved.modified;
        ledger(live.room).set(path, { ...saved, modified });
      }
    });
  }

  private async _store(
    kind: IDocumentKind,
    model: Partial<Contents.IModel>
  ): Promise<Contents.IModel> {
    const { files, document, model: shared } = this._options;
    const { live } = document;
    const revision = this._revision;
    const text =
      live && this._taken !== revision
        ? kind.contentOfModel(shared) // while a question was open, others typed
        : kind.fromFile(model.content).content;
    const state = live && stateOf(shared, kind);
    const hash = state && (await state.hash());
    const file = hash ? await this._saved(hash) : null;
    const { path } = document; // now, and not before: a rename may have been quicker
    const content = kind.toFile(text, this._lineEnding);
    const written =
      file ?? (await saveFile(files, path, { ...model, content }));
    this._file.saved(written);
    this._stored = revision;
    if (state && live === document.live) {
      this._note(path, written, state.vector, hash!);
    }
    return this._wasLive ? { ...written, hash: this._file.hash } : written;
  }

  /** See what the drive has now, and what JupyterLab is to be told of it. */
  private async _look(fetch: Contents.IFetchOptions): Promise<{
    file: Contents.IModel;
    live: ILiveState;
    answer: Contents.IModel;
  }> {
    const { files, document } = this._options;
    const file = await files.get(document.path, fetch).catch(reason => {
      if (!document.live) {
        throw reason;
      }
      // A file that is gone is not a changed one: it is to be saved anew, in the same way as ever.
      const last_modified = this._file.modified ?? LONG_AGO;
      return { path: document.path, last_modified } as Contents.IModel;
    });
    const live = this.live();
    const isOwn = this._file.isOwn(file, live);
    return { file, live, answer: this._file.describe(file, isOwn) };
  }

  /** The file, if it has exactly this state already. */
  private async _saved(hash: string): Promise<Contents.IModel | null> {
    const { saved } = this.live();
    if (saved?.state !== hash) {
      return null;
    }
    const { files, document } = this._options;
    const file = await files
      .get(document.path, { content: false })
      .catch(() => null);
    return file?.last_modified === saved.modified ? file : null;
  }

  /** Note in the ledger what the drive has of the room's document now. */
  private _note(
    path: string,
    file: Dated,
    vector: Uint8Array,
    state: string
  ): void {
    const { document, ledger } = this._options;
    if (document.live) {
      const { genesis, room } = document.live;
      // A room that has ended (the engine broke) does not know.
      const isMine = room.isDisposed || room.own(genesis) !== null;
      ledger(room).set(path, {
        genesis,
        stateVector: [...vector],
        state,
        modified: file.last_modified,
        given: isMine ? false : undefined
      });
    }
  }

  private async _noteNow(file: Dated): Promise<void> {
    const { model, kind, document } = this._options;
    const { path } = document;
    const { vector, hash } = stateOf(model, kind!);
    this._note(path, file, vector, await hash());
  }

  /**
   * JupyterLab calls the document saved when saving is over. What was typed while it went on is not
   * saved, so say so once JupyterLab has spoken.
   */
  private _recheck(): void {
    setTimeout(() => {
      if (
        !this._isDisposed &&
        this._stored !== null &&
        this._stored !== this._revision
      ) {
        this._options.model.dirty = true;
      }
    });
  }

  /** Do something with the file while no other tab does. While this waits, it may get another name. */
  private async _exclusively<T>(task: () => Promise<T>): Promise<T> {
    const { document, baseUrl } = this._options;
    for (;;) {
      const { path } = document;
      const done = await withFile(baseUrl, path, async () =>
        path === document.path ? { result: await task() } : null
      );
      if (done) {
        return done.result;
      }
    }
  }

  private _onUpdate = (): void => void this._revision++;

  private _isDisposed = false;
  /** Whether JupyterLab may have got our hash of the file. */
  private _wasLive = false;
  private _revision = 0;
  /** The revision of which JupyterLab took what it is about to save. */
  private _taken = -1;
  /** The revision that was saved last; null before that. */
  private _stored: number | null = null;
  private _file = new DriveFile();
  /** The file that is being renamed. */
  private _moving: Dated | null = null;
  private _lineEnding: string | null = null;
}

export namespace Saving {
  /** What a document is in its room. */
  export interface ILive {
    genesis: GenesisId;
    room: IRoom;
  }

  export interface IOptions {
    model: YDocument<DocumentChange> & { dirty: boolean };
    /** Null for a document that is not to be shared. */
    kind: IDocumentKind | null;
    format: NonNullable<Contents.FileFormat>;
    /** What of the document changes: where it is, and whether it is live. */
    document: { readonly path: string; readonly live: ILive | null };
    files: Pick<Contents.IDrive, 'get' | 'save'>;
    /** Where the site is. */
    baseUrl: string;
    /** The ledger of a room. */
    ledger: (room: IRoom) => ILedger;
  }
}
