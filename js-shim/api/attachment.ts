/**
 * A live Y.Doc that takes part in a room. What the document has and the Y.Doc lacks is applied to it,
 * with the attachment as origin; every other update of the Y.Doc is its owner's and goes to the room.
 */
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { borrowClientId, returnClientId } from './client-id.js';
import { Engine } from './engine.js';
import { GenesisId, IAttachment } from './types.js';

export class Attachment implements IAttachment {
  constructor(options: Attachment.IOptions) {
    this.genesis = options.genesis;
    this._engine = options.engine;
    this._ydoc = options.ydoc;
    this._awareness = options.awareness;
    this._edited = options.edited;
    this._disposed = options.disposed;
    this._ydoc.on('update', this._onUpdate);
    this._ydoc.on('afterTransactionCleanup', this._onCleanup);
    this.restart();
  }

  readonly genesis: GenesisId;

  get ydoc(): Y.Doc {
    return this._ydoc;
  }

  /** Begin to take part, or again with a new engine. */
  restart(): void {
    this._engine()?.attach(this.genesis);
    this.reconcile();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._ydoc.off('afterTransactionCleanup', this._onCleanup);
    this._ydoc.off('update', this._onUpdate);
    this._disposed(this);
    returnClientId(this._engine(), this.genesis, this._ydoc, this._awareness);
  }

  /** Apply an update that came from the room. */
  apply(update: Uint8Array): void {
    Y.applyUpdate(this._ydoc, update, this);
  }

  /** Bring both sides to the same state, once the document's content is here. */
  reconcile(): void {
    const engine = this._engine();
    const content = engine?.content(this.genesis) as Uint8Array[] | undefined;
    const known = engine?.stateVector(this.genesis);
    if (!content || !known) {
      return;
    }
    const wasEmpty = this._ydoc.store.clients.size === 0;
    const own = wasEmpty ? null : Y.encodeStateAsUpdate(this._ydoc, known);
    // In one transaction: observers hear once, and what follows a transaction is done once.
    const applyAll = () => content.forEach(update => this.apply(update));
    Y.transact(this._ydoc, applyAll, this, false);
    if (own) {
      this._edited(this, own);
      this._engine()?.edited(this.genesis, own);
    }
    borrowClientId(this._engine(), this.genesis, this._ydoc, this._awareness);
  }

  /** Give the engine a shorter encoding of the same state: Yjs has dropped what was deleted. */
  compact(): void {
    this._engine()?.compacted(this.genesis, Y.encodeStateAsUpdate(this._ydoc));
  }

  /**
   * Yjs encodes each transaction for whoever listens to updates, and asks right after this. What came
   * from the room, which may be 40 MB, is not encoded again just to be passed over.
   */
  private _onCleanup = (transaction: Y.Transaction): void => {
    if (transaction.origin === this) {
      this._ydoc.off('update', this._onUpdate);
    } else {
      this._ydoc.on('update', this._onUpdate);
    }
  };

  private _onUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin !== this) {
      // The page's other views first: the engine may ask one of them for its encoding at once.
      this._edited(this, update);
      this._engine()?.edited(this.genesis, update);
    }
  };

  private _engine: () => Engine | null;
  private _ydoc: Y.Doc;
  private _awareness: Awareness | undefined;
  private _edited: (attachment: Attachment, update: Uint8Array) => void;
  private _disposed: (attachment: Attachment) => void;
  private _isDisposed = false;
}

export namespace Attachment {
  export interface IOptions {
    /** The engine, as long as it may be called. */
    engine: () => Engine | null;
    genesis: GenesisId;
    ydoc: Y.Doc;
    /** What tells where its owner is. */
    awareness?: Awareness;
    /** Called with every update that goes to the room: the page may show the document twice. */
    edited: (attachment: Attachment, update: Uint8Array) => void;
    /** Called once, when the Y.Doc no longer takes part. */
    disposed: (attachment: Attachment) => void;
  }
}
