/**
 * All open documents, and the factory that the content provider makes them with.
 *
 * The factory stands in for the one of `@jupyter/docprovider-extension` that opens a WebSocket.
 */
import { IDocumentProviderFactory } from '@jupyter/docprovider';
import { ISignal, Signal } from '@lumino/signaling';
import { IIndexEntry, IRoom } from '../../api/types.js';
import { Ledger, Ledgers } from '../drive/ledger.js';
import { IRoomSession } from '../room/session.js';
import { DocumentProvider } from './document-provider.js';

export class OpenDocuments implements IDocumentProviderFactory {
  constructor(
    private _session: IRoomSession,
    private _ledgers: Ledgers,
    private _baseUrl: string
  ) {}

  /** The room has another document at the path of an open one. */
  get late(): ISignal<this, OpenDocuments.ILate> {
    return this._late;
  }

  /** A document was closed. */
  get closed(): ISignal<this, DocumentProvider> {
    return this._closed;
  }

  /** Never throws: what it returns only waits to be asked. */
  create(options: IDocumentProviderFactory.IOptions): DocumentProvider {
    const document = new DocumentProvider({
      ...options,
      session: this._session,
      baseUrl: this._baseUrl,
      ledger: room => this.ledger(room),
      onCopy: ({ path }, copy) => this._session.notices.copied(path, copy),
      onLate: async (document, room, entry) =>
        this._late.emit({ document, room, entry }),
      onDisposed: document => {
        this._all.delete(document);
        this._closed.emit(document);
      }
    });
    this._all.add(document);
    return document;
  }

  /** What was last saved of a room's documents. */
  ledger(room: IRoom): Ledger {
    return this._ledgers.of(room.id);
  }

  [Symbol.iterator](): IterableIterator<DocumentProvider> {
    return [...this._all][Symbol.iterator]();
  }

  private _all = new Set<DocumentProvider>();
  private _closed = new Signal<this, DocumentProvider>(this);
  private _late = new Signal<this, OpenDocuments.ILate>(this);
}

export namespace OpenDocuments {
  export interface ILate {
    document: DocumentProvider;
    room: IRoom;
    entry: IIndexEntry;
  }
}
