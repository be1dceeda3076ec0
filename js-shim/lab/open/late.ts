/**
 * When it turns out late that the room has another document at the path of an open one.
 *
 * It can't turn out late while everybody is connected: the path is settled before the document is
 * loaded. But two people who began apart, each with a different file, may meet only after an hour.
 * Then the index names one of the two documents, and whoever has the other open keeps it as a copy
 * (unless it is no more than an older version), is told so, and gets the room's opened instead.
 */
import { IIndexChange, IIndexEntry, IRoom } from '../../api/types.js';
import { IRoomSession } from '../room/session.js';
import { DocumentProvider } from './document-provider.js';
import { OpenDocuments } from './open-documents.js';

export class LateMeetings {
  constructor(private _options: LateMeetings.IOptions) {
    const { session, documents } = _options;
    let stop = () => undefined as void;
    const follow = (room: IRoom | null) => {
      stop();
      stop = room?.onIndex(change => this._onIndex(room, change)) ?? stop;
    };
    session.roomChanged.connect((_, room) => follow(room));
    follow(session.room);
    documents.late.connect((_, { document, room, entry }) =>
      this._meet(document, room, entry)
    );
  }

  private _onIndex(room: IRoom, { after: entry }: IIndexChange): void {
    if (!entry) {
      return;
    }
    for (const document of this._options.documents) {
      if (
        document.path === entry.path &&
        document.genesis !== null &&
        document.genesis !== entry.genesis &&
        !room.home(document.genesis) // it was moved, and its tab will follow
      ) {
        this._meet(document, room, entry);
      }
    }
  }

  /** One after the other: the index can change again while this goes on. */
  private _meet(
    document: DocumentProvider,
    room: IRoom,
    entry: IIndexEntry
  ): void {
    if (this._giving.has(document)) {
      return;
    }
    this._giving.add(document);
    void this._giveWay(document, room, entry)
      .catch(reason => {
        console.error(`Could not change over to ${entry.path}.`, reason);
        const { trans } = this._options.session.notices;
        this._options.session.notices.error(
          trans.__(
            '“%1” could not be changed over to the room’s version; yours stays open and is not shared. %2',
            entry.path,
            reason instanceof Error ? reason.message : String(reason)
          )
        );
        document.detach();
      })
      .finally(() => this._giving.delete(document));
  }

  private async _giveWay(
    document: DocumentProvider,
    room: IRoom,
    entry: IIndexEntry
  ): Promise<void> {
    if (entry.contentType !== document.contentType) {
      return;
    }
    if ((await document.giveWay(room)) && !document.isDisposed) {
      await this._options.reopen(document);
    }
  }

  private _giving = new Set<DocumentProvider>();
}

export namespace LateMeetings {
  export interface IOptions {
    session: IRoomSession;
    documents: OpenDocuments;
    /** Open a document anew from the drive. */
    reopen: (document: DocumentProvider) => Promise<void>;
  }
}
