/**
 * One open document, from the moment JupyterLab makes its model until the model is disposed of.
 *
 * The model of every JupyterLab document is a Yjs document, shared or not. So a document here is
 * *plain* (JupyterLab loads and saves it, and nothing else happens) until it is *live*: attached to a
 * room, which keeps it in step with everybody else's. It goes live while it is loaded, or later and in
 * place, when Share is pressed. JupyterLab saves it as ever, to each person's own drive (`saving.ts`).
 */
import { IDocumentProvider } from '@jupyter/collaborative-drive';
import { IDocumentProviderFactory, IForkProvider } from '@jupyter/docprovider';
import { Contents } from '@jupyterlab/services';
import { GenesisId, IAttachment, IIndexEntry, IRoom } from '../../api/types.js';
import {
  copyName,
  UnsupportedDocumentError,
  UnsupportedNotebookError
} from '../documents/index.js';
import { ILedger } from '../drive/ledger.js';
import { fetchSiteFile, prepareDrive } from '../drive/lite-drive.js';
import { IRoomSession } from '../room/session.js';
import { IDocumentKind, kindOf } from './kinds.js';
import { IMine, IOpening, open, settle } from './opening.js';
import { Saving } from './saving.js';

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
    this._saving = new Saving({
      model: this.model,
      kind: this._kind,
      format: this._format,
      document: this,
      files: options.drive,
      baseUrl: options.baseUrl,
      ledger: options.ledger
    });
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
    return this._live?.genesis ?? null;
  }

  /** Which document this is, and of which room; null while it is plain. */
  get live(): Saving.ILive | null {
    return this._live;
  }

  /** Whether it has been loaded. */
  get isLoaded(): boolean {
    return this._isLoaded;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.detach();
      this._saving.dispose();
      this._options.onDisposed?.(this);
    }
  }

  /**
   * Answer JupyterLab's request for the content. The first one is the loading of the document; any
   * later one is a revert (Reload from Disk, Revert to Checkpoint, the dialog about a changed file).
   */
  async load(fetch: Contents.IFetchOptions): Promise<Contents.IModel> {
    if (this._live) {
      return this._saving.revert(fetch);
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
    const lineEnding = this._kind?.fromFile(model.content).lineEnding ?? null;
    this._saving.loaded(model, lineEnding);
    return model;
  }

  /** Answer JupyterLab's question, before and after it saves, whether something else has changed the file. */
  describe(fetch: Contents.IFetchOptions): Promise<Contents.IModel> {
    return this._saving.describe(fetch);
  }

  /** Save the document. */
  async store(model: Partial<Contents.IModel>): Promise<Contents.IModel> {
    const saved = await this._saving.store(model);
    if (!this._isLoaded) {
      // A document that begins by being saved: a new one.
      this._isLoaded = true;
      const { room } = this._options.session;
      if (room) {
        void this.goLive(room);
      }
    }
    return saved;
  }

  /** Share the open document in place: what it holds now is where its shared history begins. */
  async goLive(room: IRoom): Promise<void> {
    if (!this._kind || this._live || this._isDisposed || !this._isLoaded) {
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
    this._saving.detaching();
    this._live?.attachment.dispose();
    this._live = null;
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
    const { revision, lineEnding } = this._saving;
    const content = kind.contentOfModel(this.model);
    const modified = this.model.dirty ? null : this._saving.modified;
    const mine: IMine = { content, lineEnding, modified };
    const settled = await settle(this._opening(room, kind), mine);
    if (settled && genesis && revision === this._saving.revision) {
      room.release(genesis); // all that is in it has been kept
    }
    return settled !== null;
  }

  /** The file is about to get another name; `file` is what it is until then. */
  moving(file: Contents.IModel): void {
    this._saving.moving(file);
  }

  /** Follow a rename. The room is told by `room-drive.ts`, of this and of files that are not open. */
  async rename(path: string): Promise<void> {
    const before = this._saving.live();
    this.path = path;
    await this._saving.renamed(before);
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
    this._isLoaded = true;
    const file = { last_modified: opened.modified };
    this._saving.loaded(file, opened.lineEnding);
    this._attach(room, opened.genesis);
    if (opened.imports) {
      await this._saving.import(opened.mine, file);
    }
    const now = room.entry(path);
    if (now && now.genesis !== opened.genesis) {
      void this._options.onLate?.(this, room, now);
    }
    return this._saving.summary(fetch);
  }

  private _attach(room: IRoom, genesis: GenesisId): void {
    const { ydoc, awareness } = this.model;
    const attachment = room.attach(genesis, ydoc, awareness);
    this._live = { attachment, genesis, room };
    this._saving.attached();
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
  private _saving: Saving;
  private _live: (Saving.ILive & { attachment: IAttachment }) | null = null;
  private _isDisposed = false;
  private _isLoaded = false;
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
