/**
 * One open document, from the moment JupyterLab makes its model until the model is disposed of.
 *
 * The model of every JupyterLab document is a Yjs document, shared or not. So a document here is
 * *plain* (JupyterLab loads and saves it, and nothing else happens) until it is *live*: attached to a
 * room, which keeps it in step with everybody else's. It goes live while it is loaded, or later and in
 * place, when Share is pressed. JupyterLab saves it as ever, to each person's own drive.
 */
import { IDocumentProvider } from '@jupyter/collaborative-drive';
import { IDocumentProviderFactory, IForkProvider } from '@jupyter/docprovider';
import { Contents } from '@jupyterlab/services';
import * as Y from 'yjs';
import { GenesisId, IAttachment, IIndexEntry, IRoom } from '../api/types.js';
import {
  copyName,
  UnsupportedDocumentError,
  UnsupportedNotebookError
} from './documents/index.js';
import { DriveFile, ILiveState } from './drive-file.js';
import { exclusively } from './exclusive.js';
import { IDocumentKind, kindOf } from './kinds.js';
import { ILedger } from './ledger.js';
import { fetchSiteFile, prepareDrive } from './lite-drive.js';
import { IMine, IOpening, open, settle } from './opening.js';
import { IRoomSession } from './session.js';
import { nextUpdate, stateOf } from './state.js';

/** How long, in milliseconds, a save waits for what another tab has saved already. */
const TAB_PATIENCE = 5000;

/** So old that nobody takes it for a file that was changed meanwhile. */
const LONG_AGO = new Date(0).toISOString();

export class DocumentProvider implements IDocumentProvider, IForkProvider {
  constructor(options: DocumentProvider.IOptions) {
    this._options = options;
    this.model = options.model;
    this.path = options.path;
    this.contentType = options.contentType;
    this.format = options.format;
    this._kind = kindOf(this.contentType, this.format, this.model);
    const { user } = options;
    const present = () =>
      this.model.awareness.setLocalStateField('user', user.identity);
    void user.ready.then(() => this.isDisposed || present());
    user.userChanged.connect(present);
    this.model.ydoc.on('update', this._onUpdate);
    this.model.disposed.connect(() => {
      user.userChanged.disconnect(present);
      this.dispose();
    });
  }

  readonly model: DocumentProvider.IOptions['model'];
  readonly contentType: string;
  readonly format: string;
  /** The path in the drive; a rename changes it. */
  path: string;

  /** Nothing waits for this: a document is settled while it is loaded. */
  readonly ready = Promise.resolve();

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Which document this is in the room; null while it is plain. */
  get genesis(): GenesisId | null {
    return this._attachment?.genesis ?? null;
  }

  /** Whether it has been loaded. */
  get isLoaded(): boolean {
    return this._isLoaded;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.model.ydoc.off('update', this._onUpdate);
      this.detach();
      this._options.onDisposed?.(this);
    }
  }

  /**
   * Answer JupyterLab's request for the content. The first one is the loading of the document; any
   * later one is a revert (Reload from Disk, Revert to Checkpoint, the dialog about a changed file).
   */
  async load(fetch: Contents.IFetchOptions): Promise<Contents.IModel> {
    if (this._attachment) {
      return this._revert(fetch);
    }
    const { session } = this._options;
    let room: IRoom | null = null;
    if (!this._isLoaded && this._kind && session.enabled) {
      await prepareDrive(this._files, this.path);
      room = await session.current();
      const loaded = room && (await this._loadFrom(room, this._kind, fetch));
      if (loaded) {
        return loaded;
      }
    }
    const model = await this._files.get(this.path, fetch);
    if (!this._isLoaded && session.room && session.room !== room) {
      return this.load(fetch); // Share was pressed meanwhile
    }
    this._isLoaded = true;
    this._file.know(model);
    this._lineEnding = this._kind?.fromFile(model.content).lineEnding ?? null;
    return model;
  }

  /**
   * Answer JupyterLab's question, before and after it saves, whether something else has changed the
   * file. See `drive-file.ts`.
   */
  async describe(fetch: Contents.IFetchOptions): Promise<Contents.IModel> {
    // What JupyterLab is about to save it took from the model just now.
    this._taken = this._revision;
    if (!this._wasLive) {
      return this._files.get(this.path, fetch).finally(() => this._recheck());
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
      await nextUpdate(this.model.ydoc, end - Date.now());
    }
  }

  /**
   * Save the document, with the line endings that the file had. Nothing is written where another tab
   * has saved the very same.
   */
  async store(model: Partial<Contents.IModel>): Promise<Contents.IModel> {
    const saved = await this._exclusively(async () => {
      const { _kind: kind, _attachment: attachment } = this;
      if (!kind) {
        return this._files.save(this.path, model);
      }
      const revision = this._revision;
      const content =
        attachment && this._taken !== revision
          ? kind.contentOfModel(this.model) // while a question was open, others typed
          : kind.fromFile(model.content).content;
      const state = attachment && stateOf(this.model, kind);
      const hash = state && (await state.hash());
      const file = hash ? await this._saved(hash) : null;
      const { path } = this; // now, and not before: a rename may have been quicker
      const written =
        file ??
        (await this._files.save(path, {
          ...model,
          content: kind.toFile(content, this._lineEnding)
        }));
      this._file.saved(written);
      this._stored = revision;
      if (state && attachment === this._attachment) {
        this._note(path, written, state.vector, hash!);
      }
      return this._wasLive ? { ...written, hash: this._file.hash } : written;
    });
    if (!this._isLoaded) {
      // A document that begins by being saved: a new one.
      this._isLoaded = true;
      const { room } = this._options.session;
      if (room) {
        void this.goLive(room);
      }
    }
    this._recheck();
    return saved;
  }

  /** Share the open document in place: what it holds now is where its shared history begins. */
  async goLive(room: IRoom): Promise<void> {
    if (
      !this._kind ||
      this._attachment ||
      this._isDisposed ||
      !this._isLoaded
    ) {
      return;
    }
    const { genesis, update } = await this._kind.liveSeed(
      this.path,
      this.model
    );
    const winner = await room.claim(this._entry(genesis), update);
    if (this._isDisposed || room.isDisposed) {
      return;
    }
    this._attach(room, genesis);
    if (winner.genesis !== genesis) {
      await this._options.onLate?.(this, room, winner);
    }
  }

  /** Stop being shared; the document stays open as it is. */
  detach(): void {
    const { saved, hasSaved } = this._live();
    if (saved && hasSaved) {
      this._file.know({ last_modified: saved.modified }); // by whichever tab
    }
    this._attachment?.attachment.dispose();
    this._attachment = null;
  }

  /**
   * The room has another document at this path: keep what is here as a copy, unless it is no more than
   * an older version, and put the room's into the drive, from where the document is to be opened anew.
   */
  async giveWay(room: IRoom): Promise<boolean> {
    const { _kind: kind, genesis } = this;
    if (!kind) {
      return false;
    }
    // What takes long comes first: the person goes on typing.
    await room.fetch(room.entry(this.path)?.genesis ?? '');
    const revision = this._revision;
    const content = kind.contentOfModel(this.model);
    const modified = this.model.dirty ? null : this._file.modified;
    const mine: IMine = { content, lineEnding: this._lineEnding, modified };
    const settled = await settle(this._opening(room, kind), mine);
    if (settled && genesis && revision === this._revision) {
      room.release(genesis); // all that is in it has been kept
    }
    return settled !== null;
  }

  /** Follow a rename. The room is told by `room-drive.ts`, of this and of files that are not open. */
  async rename(path: string): Promise<void> {
    const { saved } = this._live();
    this.path = path;
    await this._exclusively(async () => {
      // Renaming is a new date to the drive, and no change.
      const file = await this._files.get(path, { content: false });
      this._file.know(file);
      if (saved && this._attachment) {
        const modified = file.last_modified;
        this._ledger(this._attachment.room).set(path, { ...saved, modified });
      }
    });
  }

  // The rest of the interface is about a server: to connect to it again, and to its forks.
  async reconnect(): Promise<void> {}
  async connectToForkDoc(): Promise<void> {}

  private async _loadFrom(
    room: IRoom,
    kind: IDocumentKind,
    fetch: Contents.IFetchOptions
  ): Promise<Contents.IModel | null> {
    const opened = await open(this._opening(room, kind)).catch(reason => {
      if (
        reason instanceof UnsupportedNotebookError ||
        reason instanceof UnsupportedDocumentError
      ) {
        this._options.session.notices.warn(`${this.path}: ${reason.message}`);
        return null;
      }
      // Nothing was loaded, so nobody is to be asked whether to save the cell that a notebook begins with.
      this.model.dirty = false;
      throw reason;
    });
    if (!opened || this._isDisposed || room.isDisposed) {
      return null;
    }
    const { path, model } = this;
    // With the room as origin: it is nobody's to undo, and no room takes it for this person's typing.
    kind.load(model, opened.update, room, opened.mine);
    this._lineEnding = opened.lineEnding;
    this._isLoaded = true;
    this._file.know({ last_modified: opened.modified });
    this._attach(room, opened.genesis);
    if (opened.imports) {
      kind.apply(this.model, opened.mine);
      this.model.dirty = false;
      await this._noteNow(path, { last_modified: opened.modified });
    }
    const now = room.entry(path);
    if (now && now.genesis !== opened.genesis) {
      void this._options.onLate?.(this, room, now);
    }
    // Without content, so that JupyterLab takes the model as it is.
    return this._describe(fetch);
  }

  /** Bring the drive's content in as the difference that it makes, not by replacing everything. */
  private async _revert(
    fetch: Contents.IFetchOptions
  ): Promise<Contents.IModel> {
    const file = await this._files.get(this.path, fetch);
    const { _kind: kind, _attachment: attachment } = this;
    if (!kind || !attachment) {
      return file;
    }
    const { content, lineEnding } = kind.fromFile(file.content);
    kind.apply(this.model, content);
    this._lineEnding = lineEnding;
    this.model.dirty = false;
    this._stored = this._revision;
    this._file.reverted(file);
    await this._noteNow(this.path, file);
    return { ...file, content: null, hash: this._file.hash };
  }

  /** See what the drive has now, and what JupyterLab is to be told of it. */
  private async _look(fetch: Contents.IFetchOptions): Promise<{
    file: Contents.IModel;
    live: ILiveState;
    answer: Contents.IModel;
  }> {
    const file = await this._files.get(this.path, fetch).catch(reason => {
      if (!this._attachment) {
        throw reason;
      }
      // A file that is gone is not a changed one: it is to be saved anew, in the same way as ever.
      const last_modified = this._file.modified ?? LONG_AGO;
      return { path: this.path, last_modified } as Contents.IModel;
    });
    const live = this._live();
    const isOwn = this._file.isOwn(file, live);
    return { file, live, answer: this._file.describe(file, isOwn) };
  }

  /** The ledger's word on this document. */
  private _live(): ILiveState {
    const { _kind: kind, _attachment: attachment } = this;
    const line = attachment && this._ledger(attachment.room).get(this.path);
    const saved = line?.genesis === attachment?.genesis ? line : null;
    const reached = Y.encodeStateVector(this.model.ydoc);
    const hasSaved =
      kind !== null &&
      saved !== null &&
      kind.covers(reached, Uint8Array.from(saved.stateVector));
    return { saved, hasSaved };
  }

  /** The file, if it has exactly this state already. */
  private async _saved(hash: string): Promise<Contents.IModel | null> {
    const { saved } = this._live();
    if (saved?.state !== hash) {
      return null;
    }
    const file = await this._files
      .get(this.path, { content: false })
      .catch(() => null);
    return file?.last_modified === saved.modified ? file : null;
  }

  /** Note in the ledger what the drive has of the room's document now. */
  private _note(
    path: string,
    file: Pick<Contents.IModel, 'last_modified'>,
    vector: Uint8Array,
    state: string
  ): void {
    if (this._attachment) {
      const { genesis, room } = this._attachment;
      const modified = file.last_modified;
      const stateVector = [...vector];
      // A room that has ended (the engine broke) does not know.
      const isMine = room.isDisposed || room.own(genesis) !== null;
      const given = isMine ? false : undefined;
      this._ledger(room).set(path, {
        genesis,
        stateVector,
        state,
        modified,
        given
      });
    }
  }

  private async _noteNow(
    path: string,
    file: Pick<Contents.IModel, 'last_modified'>
  ): Promise<void> {
    const { vector, hash } = stateOf(this.model, this._kind!);
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
        this.model.dirty = true;
      }
    });
  }

  /** Do something with the file while no other tab does. While this waits, it may get another name. */
  private async _exclusively<T>(task: () => Promise<T>): Promise<T> {
    for (;;) {
      const { path } = this;
      const name = `jupyterlite-webrtc:${this._options.baseUrl}:${path}`;
      const done = await exclusively(name, async () =>
        path === this.path ? { result: await task() } : null
      );
      if (done) {
        return done.result;
      }
    }
  }

  private _onUpdate = (): void => void this._revision++;

  private async _describe(
    fetch: Contents.IFetchOptions
  ): Promise<Contents.IModel> {
    const model = await this._files.get(this.path, {
      ...fetch,
      content: false
    });
    const hash = this._file.hash;
    return { ...model, content: null, format: this._format, hash };
  }

  private _attach(room: IRoom, genesis: GenesisId): void {
    const { ydoc, awareness } = this.model;
    const attachment = room.attach(genesis, ydoc, awareness);
    this._attachment = { attachment, genesis, room };
    this._wasLive = true;
  }

  private _entry(genesis: GenesisId): IIndexEntry {
    const { path, contentType, format } = this;
    return { path, contentType, format, genesis };
  }

  private _opening(room: IRoom, kind: IDocumentKind): IOpening {
    return {
      room,
      kind,
      files: this._files,
      ledger: this._ledger(room),
      path: this.path,
      contentType: this.contentType,
      format: this._format,
      copyName,
      siteFile: path => fetchSiteFile(this._options.baseUrl, path, this.format),
      onCopy: copy => this._options.onCopy?.(this, copy)
    };
  }

  private _ledger(room: IRoom): ILedger {
    return this._options.ledger(room);
  }

  private get _format(): NonNullable<Contents.FileFormat> {
    return this.format as NonNullable<Contents.FileFormat>;
  }

  private get _files(): Contents.IDrive {
    return this._options.drive;
  }

  private _options: DocumentProvider.IOptions;
  private _kind: IDocumentKind | null;
  private _attachment: {
    attachment: IAttachment;
    genesis: GenesisId;
    room: IRoom;
  } | null = null;
  private _isDisposed = false;
  private _isLoaded = false;
  /** Whether JupyterLab may have got our hash of the file. */
  private _wasLive = false;
  /** Counts the changes of the document. */
  private _revision = 0;
  /** The revision of which JupyterLab took what it is about to save. */
  private _taken = -1;
  /** The revision that was saved last; null before that. */
  private _stored: number | null = null;
  private _file = new DriveFile();
  private _lineEnding: string | null = null;
}

export namespace DocumentProvider {
  export interface IOptions extends IDocumentProviderFactory.IOptions {
    session: IRoomSession;
    /** Where the site is. */
    baseUrl: string;
    /** The ledger of a room. */
    ledger: (room: IRoom) => ILedger;
    /** The person's own version was kept under another name. */
    onCopy?: (document: DocumentProvider, copy: string) => void;
    /** The room has another document at this path after all. */
    onLate?: (
      document: DocumentProvider,
      room: IRoom,
      entry: IIndexEntry
    ) => Promise<void>;
    onDisposed?: (document: DocumentProvider) => void;
  }
}
