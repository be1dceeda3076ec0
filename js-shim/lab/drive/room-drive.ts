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
 * In the other direction, a rename or a deletion in the file browser of something that is the room's
 * goes to the room.
 *
 * All of this is one thing after the other: a chain of promises, in the order in which it happened.
 */
import { PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';
import {
  GenesisId,
  IIndexChange,
  IIndexEntry,
  IRoom
} from '../../api/types.js';
import { copyName } from '../documents/index.js';
import { DocumentProvider } from '../open/document-provider.js';
import { kindOf } from '../open/kinds.js';
import { IRoomSession } from '../room/session.js';
import { exclusively, withFile } from './exclusive.js';
import { Ledger } from './ledger.js';

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

type Files = Pick<
  Contents.IDrive,
  'get' | 'save' | 'rename' | 'delete' | 'fileChanged'
>;

function isHarmless({ path, contentType }: IIndexEntry): boolean {
  const isHidden = /(^|\/)\./.test(path);
  return !isHidden && (contentType !== 'file' || HARMLESS.test(path));
}

export class RoomDrive {
  constructor(private _options: RoomDrive.IOptions) {
    const { session, files, closed } = _options;
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
    files.fileChanged.connect((_, change) => this._onFile(change));
    this._rename = files.rename.bind(files);
    files.rename = (from, to) => this._renameByUser(from, to);
    const remove = files.delete.bind(files);
    files.delete = async path => {
      await this._deleteListed(path);
      return remove(path);
    };
  }

  /** Resolves when all that has happened so far has been dealt with. */
  get idle(): Promise<void> {
    return this._last;
  }

  /** One tab of a browser at a time: they have one drive. */
  private _then(step: () => Promise<void>): void {
    const turn = () => exclusively('jupyterlite-webrtc:room-drive', step);
    this._last = this._last.then(turn).catch(reason => {
      console.warn('A file could not be kept in step with the room.', reason);
    });
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
    if (++this._appeared > MOST_FILES || (await this._file(path))) {
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
        if (!isThere || isElsewhere || (await this._file(path))) {
          return;
        }
        const { last_modified: modified } = await this._write(entry, update);
        const stateVector = [...kind.reached(update)];
        const given = true;
        const saved = { genesis, stateVector, state: '', modified, given };
        ledger.set(path, saved);
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
    const file = await this._file(before.path);
    if (!file) {
      if (isOpen && (await this._file(after.path))) {
        this._follow(before.path, after.path); // another tab has moved it
      }
      return;
    }
    if (!isOpen && !isHarmless(after)) {
      return; // it stays under its old name until somebody opens it
    }
    await this._makeWay(room, after.path, [...movers, after.genesis]);
    await this._makeFolders(after.path);
    // Where documents change places it had to make way itself.
    const from = this._aside.get(after.genesis) ?? before.path;
    this._aside.delete(after.genesis);
    const moved = await this._renameQuietly(from, after.path);
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
  }

  /** Have the tabs of this page follow a file that another page of this browser has moved. */
  private _follow(from: string, to: string): void {
    const fileChanged = this._options.files.fileChanged as Signal<
      unknown,
      Contents.IChangedArgs
    >;
    void this._file(to).then(newValue =>
      this._quietly(from, async () =>
        fileChanged.emit({ type: 'rename', oldValue: { path: from }, newValue })
      )
    );
  }

  /** Free a path for a file of the room: one of the room's own that moved on goes first. */
  private async _makeWay(
    room: IRoom,
    path: string,
    movers: GenesisId[]
  ): Promise<void> {
    if (!(await this._file(path))) {
      return;
    }
    const there = this._options.ledger(room).get(path)?.genesis;
    const home = there ? room.home(there) : null;
    if (home && movers.includes(home.genesis)) {
      await this._stepAside(room, path, home.genesis);
    } else if (home && home.path !== path) {
      await this._move(room, { ...home, path }, home, movers);
    }
    if (await this._file(path)) {
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
    const aside = await this._freeName(path);
    if (await this._renameQuietly(path, aside)) {
      ledger.set(aside, ledger.get(path)!);
      ledger.delete(path);
      this._aside.set(genesis, aside);
    }
  }

  /** A file of one's own is in the way of one of the room's. */
  private async _keepBeside(path: string): Promise<void> {
    const copy = await this._freeName(path);
    if (await this._renameQuietly(path, copy)) {
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
      const file = await this._file(path);
      if (isMine || file?.last_modified !== saved.modified) {
        this._options.onDeleted(path, 'kept');
        return;
      }
      await this._quietly(path, () => this._options.files.delete(path));
      ledger.delete(path);
      this._options.onDeleted(path, 'gone');
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
        (await this._file(path))?.last_modified === saved.modified;
      if (!isSaved && !this._isLetGo(room, entry, stateVector)) {
        const copy = await this._freeName(path);
        await this._write({ ...entry, path: copy }, update);
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

  /** A rename for the room; null where this person has just moved the file away, of which the room hears. */
  private _renameQuietly(
    from: string,
    to: string
  ): Promise<Contents.IModel | null> {
    return withFile(this._options.baseUrl, from, async () => {
      const file = await this._moving(from);
      return file && this._quietly(from, () => this._rename(from, to));
    });
  }

  /** A file that is about to get another name; those who have it open are told what it is until then. */
  private async _moving(path: string): Promise<Contents.IModel | null> {
    const file = await this._file(path);
    for (const document of this._options.documents) {
      if (file && document.path === path) {
        document.moving(file);
      }
    }
    return file;
  }

  /** A rename by this person. While it waits, the room may move the file: then it is moved from there. */
  private async _renameByUser(
    from: string,
    to: string
  ): Promise<Contents.IModel> {
    const { baseUrl, session, ledger } = this._options;
    const { room } = session;
    const genesis = room && ledger(room).get(from)?.genesis;
    // The model, or where the file has gone.
    const done = await withFile(baseUrl, from, async () => {
      const file = await this._moving(from);
      if (file) {
        // What is told of a rename does not tell whether the file was what had been saved.
        this._dates.set(from, file.last_modified);
      }
      const home = !file && genesis ? room.home(genesis) : null;
      return home && home.path !== from ? home.path : this._rename(from, to);
    });
    return typeof done === 'string' ? this._renameByUser(done, to) : done;
  }

  /** A rename or a deletion in the drive, by this person. */
  private _onFile(change: Contents.IChangedArgs): void {
    const room = this._options.session.room;
    const from = change.oldValue?.path;
    const to = change.newValue?.path;
    if (!room || !from || this._doing.has(from)) {
      return;
    }
    if (change.type === 'rename' && to) {
      this._then(() => this._renamed(room, from, to));
    } else if (change.type === 'delete') {
      this._then(async () => this._deleted(room, from));
    }
  }

  private async _renamed(room: IRoom, from: string, to: string): Promise<void> {
    const ledger = this._options.ledger(room);
    for (const path of ledger.paths(from)) {
      const target = to + path.slice(from.length);
      const saved = ledger.get(path)!;
      ledger.delete(path);
      ledger.set(target, {
        ...saved,
        modified: await this._dateAfter(path, target, saved.modified)
      });
      this._tellOfMove(room, saved.genesis, target);
    }
    const open = this._open(to);
    if (open?.genesis) {
      this._tellOfMove(room, open.genesis, to); // it may never have been saved
    }
  }

  /** To the drive a new name is a new date; a file that had been changed stays a changed one. */
  private async _dateAfter(
    from: string,
    to: string,
    saved: string
  ): Promise<string> {
    const file = this._dates.get(from) === saved ? await this._file(to) : null;
    this._dates.delete(from);
    return file?.last_modified ?? saved;
  }

  private _tellOfMove(room: IRoom, genesis: GenesisId, to: string): void {
    const home = room.home(genesis);
    if (home && home.path !== to && !room.entry(to)) {
      room.rename(home.path, to);
    }
  }

  private _deleted(room: IRoom, path: string): void {
    const ledger = this._options.ledger(room);
    for (const gone of ledger.paths(path)) {
      const { genesis } = ledger.get(gone)!;
      ledger.delete(gone);
      if (room.entry(gone)?.genesis === genesis) {
        this._tellOfDeletion(room, gone, genesis);
      }
    }
  }

  /** What the file browser lists and the drive has no file of is the room's alone: no line tells of it. */
  private async _deleteListed(path: string): Promise<void> {
    const { room } = this._options.session;
    const entry = room?.entry(path);
    if (room && entry && !(await this._file(path))) {
      this._tellOfDeletion(room, path, entry.genesis);
    }
  }

  private _tellOfDeletion(room: IRoom, path: string, genesis: GenesisId): void {
    const seen = room.stateVector(genesis);
    if (seen) {
      this._options.ledger(room).letGo(genesis, seen);
    }
    room.remove(path);
    room.release(genesis);
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

  /** What the drive says of a file; null where there is none. */
  private async _file(path: string): Promise<Contents.IModel | null> {
    return this._options.files.get(path, { content: false }).catch(() => null);
  }

  private async _freeName(path: string): Promise<string> {
    const taken = new Set([path]);
    for (;;) {
      const name = copyName(path, taken);
      if (!(await this._file(name))) {
        return name;
      }
      taken.add(name);
    }
  }

  private async _write(
    { path, contentType, format }: IIndexEntry,
    update: Uint8Array
  ): Promise<Contents.IModel> {
    const kind = kindOf(contentType, format)!;
    await this._makeFolders(path);
    return this._options.files.save(path, {
      type: contentType,
      format: format as Contents.FileFormat,
      content: kind.toFile(kind.contentOf(update), null)
    });
  }

  private async _makeFolders(path: string): Promise<void> {
    const folder = PathExt.dirname(path);
    if (folder && folder !== '.' && !(await this._file(folder))) {
      await this._makeFolders(folder);
      await this._options.files.save(folder, { type: 'directory' });
    }
  }

  /** Do something to a file of the drive which is not to be told to the room. */
  private async _quietly<T>(path: string, step: () => Promise<T>): Promise<T> {
    this._doing.add(path);
    try {
      return await step();
    } finally {
      this._doing.delete(path);
    }
  }

  /** The drive's own. */
  private _rename: Files['rename'];
  private _doing = new Set<string>();
  /** The paths of files that have stepped aside. */
  private _aside = new Map<GenesisId, string>();
  /** The dates of files that are being renamed, by their old names. */
  private _dates = new Map<string, string>();
  private _last: Promise<void> = Promise.resolve();
  private _appeared = 0;
}

export namespace RoomDrive {
  export interface IOptions {
    session: Pick<IRoomSession, 'room' | 'roomChanged'>;
    files: Files;
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
  }
}
