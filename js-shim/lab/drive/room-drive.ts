/**
 * The person's own drive and the room's index, kept in step.
 *
 * The room's files appear in everybody's drive: a new notebook or data file is written there as soon as
 * its content is here, so that it can be opened, downloaded or read by a kernel, also when who brought it
 * has left. (What is not written unasked is shown all the same, see `room-files.ts`.)
 * What somebody moves or deletes is moved and deleted in all drives, with one exception: what this
 * person brought or wrote is theirs. A file of theirs stays when somebody else deletes it from the room,
 * and so does a document that is open. A file that only happens to have the same name, and was never
 * the room's, is kept under another name.
 *
 * The tabs of one browser are one person with one drive, though each is in the room by itself. So a tab
 * that hears of a deletion asks the ledger whether it was another tab's: then nothing has to be kept.
 *
 * A folder has no place in the index. One that a move or a deletion has emptied here goes, too: whoever
 * renamed a folder has no other any more. What goes in the other direction is in `own-changes.ts`.
 *
 * All of this is one thing after the other: a chain of promises, in the order in which it happened.
 */
import { PathExt } from '@jupyterlab/coreutils';
import { ISignal } from '@lumino/signaling';
import {
  GenesisId,
  IIndexChange,
  IIndexEntry,
  IRoom
} from '../../api/types.js';
import { DocumentProvider } from '../open/document-provider.js';
import { kindOf } from '../open/kinds.js';
import { IRoomSession } from '../room/session.js';
import { exclusively } from './exclusive.js';
import { Drive, Files } from './files.js';
import { Ledger } from './ledger.js';
import { OwnChanges } from './own-changes.js';
import { isBelow } from './paths.js';

/**
 * What a kernel might run because it lies there: `import json` takes a `json.py` beside the notebook. A
 * peer could put one into every drive. So only what is known to be no program is written unasked; the
 * rest is shown, and written when it is opened.
 */
const HARMLESS =
  /\.(ipynb|txt|md|markdown|rst|tex|csv|tsv|json|geojson|ya?ml|log)$/i;

/** A document of more bytes is not written unasked: that would hold up whoever types meanwhile. */
const LARGEST = 2_000_000;

/** More files than this are not written unasked, nor is the drive asked about them. */
const MOST_FILES = 500;

function isHarmless({ path, contentType }: IIndexEntry): boolean {
  const isHidden = /(^|\/)\./.test(path);
  return !isHidden && (contentType !== 'file' || HARMLESS.test(path));
}

export class RoomDrive {
  constructor(private _options: RoomDrive.IOptions) {
    const { session, drive, documents, baseUrl, closed } = _options;
    this._files = new Files(drive, documents, baseUrl);
    let stop = () => undefined as void;
    const follow = (room: IRoom | null) => {
      stop();
      stop = () => undefined;
      if (room) {
        stop = room.onIndex(change =>
          this._then(() => this._changed(room, change))
        );
        void room.settled().then(() => this._then(() => this._arrive(room)));
      }
    };
    session.roomChanged.connect((_, room) => follow(room));
    follow(session.room);
    // A document that had to give way leaves behind what was typed in that moment.
    closed?.connect(() => {
      const { room } = session;
      if (room) {
        this._then(() => this._keepOrphans(room));
      }
    });
    new OwnChanges({
      drive,
      baseUrl,
      files: this._files,
      room: () => session.room,
      ledger: _options.ledger,
      taken: _options.taken,
      shown: path => this._open(path)?.genesis ?? null,
      then: step => this._then(step),
      idle: () => this.idle,
      goBack: (room, before, after) => this._goBack(room, before, after)
    });
  }

  /** Resolves when all that has happened so far has been dealt with. */
  get idle(): Promise<void> {
    return this._last;
  }

  /** One tab of a browser at a time: they have one drive. */
  private _then(step: () => Promise<void>): Promise<void> {
    const turn = () => exclusively('jupyterlite-webrtc:room-drive', step);
    this._last = this._last.then(turn).catch(reason => {
      console.warn('A file could not be kept in step with the room.', reason);
    });
    return this._last;
  }

  private async _arrive(room: IRoom): Promise<void> {
    await this._keepOrphans(room);
    for (const entry of room.entries()) {
      await this._appear(room, entry);
    }
  }

  private async _changed(
    room: IRoom,
    { before, after }: IIndexChange
  ): Promise<void> {
    await room.settled();
    if (room.isDisposed) {
      return;
    }
    if (before && after) {
      await this._move(room, before, after);
    } else if (before) {
      await this._remove(room, before);
    }
    if (after) {
      await this._appear(room, after);
    }
    await this._keepOrphans(room);
  }

  /** Write a file of the room that is not in the drive. Not waited for: it may never come. */
  private async _appear(room: IRoom, entry: IIndexEntry): Promise<void> {
    const { path, genesis, contentType, format } = entry;
    const kind = kindOf(contentType, format);
    const isSaved = this._options.ledger(room).get(path)?.genesis === genesis;
    if (!kind || !isHarmless(entry) || isSaved || this._isOpen(path)) {
      return;
    }
    // Counted before anything is asked that takes time: a peer can name any number of files.
    if (++this._appeared > MOST_FILES || (await this._files.get(path))) {
      return;
    }
    void room.fetch(genesis).then(update => {
      if (!update || update.length > LARGEST) {
        return;
      }
      this._then(async () => {
        const ledger = this._options.ledger(room);
        // A file of it that is elsewhere has been moved by this person, and the room is about to hear.
        const isElsewhere = ledger.has(genesis) || this._shows(genesis);
        const isThere = room.home(genesis)?.path === path;
        if (!isThere || isElsewhere || (await this._files.get(path))) {
          return;
        }
        await this._files.give(ledger, entry, update);
      });
    });
  }

  /**
   * Somebody moved a document: its file, and the tab that shows it, follow. `movers` are those that wait
   * for it, because it is where they go.
   */
  private async _move(
    room: IRoom,
    before: IIndexEntry,
    after: IIndexEntry,
    movers: GenesisId[] = []
  ): Promise<void> {
    const ledger = this._options.ledger(room);
    const saved = ledger.get(before.path);
    const isFile = saved?.genesis === after.genesis;
    const isOpen = this._open(before.path)?.genesis === after.genesis;
    if (!(isFile || isOpen)) {
      return;
    }
    const file = await this._files.get(before.path);
    if (!file) {
      if (isOpen && (await this._files.get(after.path))) {
        void this._files.follow(before.path, after.path); // another tab has moved it
      }
      return;
    }
    if (!isOpen && !isHarmless(after)) {
      return; // it stays under its old name until somebody opens it
    }
    await this._makeWay(room, after.path, [...movers, after.genesis]);
    // Where documents change places it had to make way itself.
    const from = this._aside.get(after.genesis) ?? before.path;
    this._aside.delete(after.genesis);
    const moved = await this._files.rename(from, after.path);
    if (!moved) {
      return;
    }
    ledger.delete(from);
    if (saved && isFile) {
      // To the drive a new name is a new date. A file that had been changed stays a changed one.
      const isUnchanged = file.last_modified === saved.modified;
      const modified = isUnchanged ? moved.last_modified : saved.modified;
      ledger.set(after.path, { ...saved, modified });
    }
    await this._dropFolders(room, from, PathExt.dirname(after.path));
  }

  /** Take away folders that the room has emptied here, as they are gone elsewhere. */
  private _dropFolders(room: IRoom, path: string, to: string): Promise<void> {
    return this._files.dropFolders(path, folder => {
      const isListed = room.entries().some(({ path }) => isBelow(path, folder));
      if (!isListed) {
        this._options.leaveFolder?.(folder, to);
      }
      return !isListed;
    });
  }

  /** A file has a name that the room has given to another one: it goes where the room has it. */
  private async _goBack(
    room: IRoom,
    before: IIndexEntry,
    after: IIndexEntry
  ): Promise<void> {
    await this._move(room, before, after);
    const there = room.entry(before.path);
    if (there) {
      await this._appear(room, there);
    }
  }

  /** Free a path for a file of the room: one of the room's own that moved on goes first. */
  private async _makeWay(
    room: IRoom,
    path: string,
    movers: GenesisId[]
  ): Promise<void> {
    if (!(await this._files.get(path))) {
      return;
    }
    const there = this._options.ledger(room).get(path)?.genesis;
    const home = there ? room.home(there) : null;
    if (home && movers.includes(home.genesis)) {
      await this._stepAside(room, path, home.genesis);
    } else if (home && home.path !== path) {
      await this._move(room, { ...home, path }, home, movers);
    }
    if (await this._files.get(path)) {
      await this._keepBeside(path);
    }
  }

  /** Documents change places, and one of them has to wait under a name of its own. */
  private async _stepAside(
    room: IRoom,
    path: string,
    genesis: GenesisId
  ): Promise<void> {
    const ledger = this._options.ledger(room);
    const aside = await this._files.freeName(path);
    if (await this._files.rename(path, aside)) {
      ledger.set(aside, ledger.get(path)!);
      ledger.delete(path);
      this._aside.set(genesis, aside);
    }
  }

  /** A file of one's own is in the way of one of the room's. */
  private async _keepBeside(path: string): Promise<void> {
    const copy = await this._files.freeName(path);
    if (await this._files.rename(path, copy)) {
      this._options.onCopy(path, copy);
    }
  }

  /** Somebody deleted a document. */
  private async _remove(room: IRoom, before: IIndexEntry): Promise<void> {
    const { path, genesis } = before;
    if (room.entry(path)) {
      return; // something else lives there now; whoever opens it settles that
    }
    const ledger = this._options.ledger(room);
    const saved = ledger.get(path);
    if (this._isOpen(path)) {
      const isIt = this._open(path)?.genesis === genesis;
      // Who deleted it, here or in another tab, knows, also if others typed on.
      if (isIt && !ledger.letGoOf(genesis)) {
        this._options.onDeleted(path, 'open');
      }
    } else if (saved?.genesis === genesis) {
      const isMine = !saved.given || room.own(genesis) !== null;
      const file = await this._files.get(path);
      if (isMine || file?.last_modified !== saved.modified) {
        this._options.onDeleted(path, 'kept');
        return;
      }
      await this._files.delete(path);
      ledger.delete(path);
      this._options.onDeleted(path, 'gone');
      await this._dropFolders(room, path, '');
    }
  }

  /** What this person wrote in documents that are the room's no more is kept as files. */
  private async _keepOrphans(room: IRoom): Promise<void> {
    for (const { entry, stateVector } of room.orphans()) {
      const { path, genesis, contentType, format } = entry;
      const kind = kindOf(contentType, format);
      const update = await room.fetch(genesis);
      if (!kind || !update) {
        continue; // it is held until it can be written
      }
      const saved = this._options.ledger(room).get(path);
      const isSaved =
        saved?.genesis === genesis &&
        kind.covers(Uint8Array.from(saved.stateVector), stateVector) &&
        (await this._files.get(path))?.last_modified === saved.modified;
      if (!isSaved && !this._isLetGo(room, entry, stateVector)) {
        const copy = await this._files.freeName(path);
        await this._files.write({ ...entry, path: copy }, update);
        this._options.onCopy(path, copy);
      }
      room.release(genesis);
    }
  }

  /**
   * Whether this person has deleted a document themselves, in this tab or in another one, and had seen
   * all of that when they did.
   */
  private _isLetGo(
    room: IRoom,
    { genesis, contentType, format }: IIndexEntry,
    stateVector: Uint8Array | null
  ): boolean {
    const kind = kindOf(contentType, format);
    const seen = this._options.ledger(room).letGoOf(genesis);
    return Boolean(
      kind && seen && stateVector && kind.covers(seen, stateVector)
    );
  }

  private _open(path: string): DocumentProvider | null {
    const all = [...this._options.documents];
    return all.find(document => document.path === path) ?? null;
  }

  private _shows(genesis: GenesisId): boolean {
    const all = [...this._options.documents];
    return all.some(document => document.genesis === genesis);
  }

  private _isOpen(path: string): boolean {
    return this._open(path) !== null;
  }

  private _files: Files;
  /** The paths of files that have stepped aside. */
  private _aside = new Map<GenesisId, string>();
  private _last: Promise<void> = Promise.resolve();
  private _appeared = 0;
}

export namespace RoomDrive {
  export interface IOptions {
    session: Pick<IRoomSession, 'room' | 'roomChanged'>;
    drive: Drive;
    documents: Iterable<DocumentProvider>;
    /** Where the site is. */
    baseUrl: string;
    /** A document was closed. */
    closed?: ISignal<unknown, unknown>;
    ledger: (room: IRoom) => Ledger;
    /** The person's own version was kept under another name. */
    onCopy: (path: string, copy: string) => void;
    /** Somebody deleted a document; what became of it here. */
    onDeleted: (path: string, here: 'open' | 'kept' | 'gone') => void;
    /** Says that a name is taken, and returns what it said. */
    taken: (path: string) => string;
    /** A folder is about to go; what was in it is in another one. */
    leaveFolder?: (folder: string, to: string) => void;
  }
}
