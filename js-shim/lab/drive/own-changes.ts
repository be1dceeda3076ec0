/**
 * What this person does in the file browser, for the room.
 *
 * What they rename or delete of the room's is renamed and deleted for all. The file browser also lists
 * what the drive has no file of (see `room-files.ts`): that is the room's alone, and is renamed and deleted
 * there, or written first where a file is needed.
 */
import { PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';
import { GenesisId, IIndexEntry, IRoom } from '../../api/types.js';
import { kindOf } from '../open/kinds.js';
import { withFile } from './exclusive.js';
import { contentOf, Drive, Files } from './files.js';
import { Ledger } from './ledger.js';
import { makeFolder } from './lite-drive.js';
import { isBelow, isWithin } from './paths.js';
import { describe } from './room-files.js';

export class OwnChanges {
  constructor(private _options: OwnChanges.IOptions) {
    const { drive } = _options;
    drive.fileChanged.connect((_, change) => this._onFile(change));
    this._drivesRename = drive.rename.bind(drive);
    drive.rename = (from, to) => this._rename(from, to);
    const remove = drive.delete.bind(drive);
    drive.delete = async path => {
      await this._deleteListed(path);
      return remove(path);
    };
    const copy = drive.copy.bind(drive);
    drive.copy = async (path, folder) => {
      await this._bring(path);
      await this._makeListed(folder);
      return copy(path, folder);
    };
    const save = drive.save.bind(drive);
    drive.save = async (path, options) => {
      await this._makeListed(PathExt.dirname(path));
      return save(path, options);
    };
    const newUntitled = drive.newUntitled.bind(drive);
    drive.newUntitled = async options => {
      await this._makeListed(options?.path ?? '');
      return newUntitled(options);
    };
    const getDownloadUrl = drive.getDownloadUrl.bind(drive);
    drive.getDownloadUrl = async path =>
      (await this._urlOfListed(path)) ?? getDownloadUrl(path);
  }

  /** The room's documents at a path or below it that the drive has no file of. */
  private async _listed(path: string): Promise<IIndexEntry[]> {
    const listed: IIndexEntry[] = [];
    for (const entry of this._options.room()?.entries() ?? []) {
      if (
        isWithin(entry.path, path) &&
        !(await this._options.files.get(entry.path))
      ) {
        listed.push(entry);
      }
    }
    return listed;
  }

  /** The history of a document that is only listed; null where there is none. */
  private async _fetchListed(path: string): Promise<Uint8Array | null> {
    const room = this._options.room();
    const entry = room?.entry(path);
    const kind = entry && kindOf(entry.contentType, entry.format);
    const isListed = kind && !(await this._options.files.get(path));
    return room && isListed ? room.fetch(entry.genesis) : null;
  }

  /** Write what is only listed: a file is needed. */
  private async _bring(path: string): Promise<void> {
    const { room: roomNow, files, ledger, then } = this._options;
    const update = await this._fetchListed(path);
    if (!update) {
      return;
    }
    // That took a while. What came meanwhile, from whomever, stays.
    await then(async () => {
      const room = roomNow();
      const entry = room?.entry(path);
      if (room && entry && !(await files.get(path))) {
        await files.give(ledger(room), entry, update);
      }
    });
  }

  /**
   * Where the content of what is only listed can be had; null where there is a file. JupyterLab asks for
   * every link in a Markdown cell that it shows, so nothing is written for it.
   */
  private async _urlOfListed(path: string): Promise<string | null> {
    const entry = this._options.room()?.entry(path);
    const update = await this._fetchListed(path);
    if (!entry || !update) {
      return null;
    }
    const content = contentOf(entry, update);
    const text =
      typeof content === 'string' ? content : JSON.stringify(content);
    return URL.createObjectURL(new Blob([text]));
  }

  /** A folder that only the room has is made when something is to be put into it. */
  private async _makeListed(folder: string): Promise<void> {
    const { room, drive } = this._options;
    if (
      room()
        ?.entries()
        .some(({ path }) => isBelow(path, folder))
    ) {
      await makeFolder(drive, folder);
    }
  }

  /** A rename by this person. */
  private async _rename(from: string, to: string): Promise<Contents.IModel> {
    const { drive, files } = this._options;
    if (from === to) {
      return drive.get(from); // to the drive, this is to take it away
    }
    // The drive renames a folder and then, in the same way, all that is in it.
    if (this._renaming.some(folder => isBelow(from, folder))) {
      const file = await this._renameFile(from, to);
      return file ?? describe(to, 'file'); // gone where the room has it
    }
    const listed = await this._renameListed(from, to);
    if (listed && !(await files.get(from))) {
      files.announce(from, listed);
      return listed;
    }
    this._renaming.push(from);
    try {
      return (await this._renameFile(from, to)) ?? this._drivesRename(from, to);
    } finally {
      this._renaming.splice(this._renaming.indexOf(from), 1);
    }
  }

  /**
   * What is renamed and only listed gets its new name in the room. Returns what that is then, or null if
   * there is none.
   */
  private async _renameListed(
    from: string,
    to: string
  ): Promise<Contents.IModel | null> {
    const { room: roomNow, idle, taken } = this._options;
    const room = roomNow();
    if (!room) {
      return null;
    }
    await this._makeListed(PathExt.dirname(to));
    let listed = await this._listed(from);
    if (this._isTaken(room, from, to, listed)) {
      await idle(); // what this person did just before may not have been told yet
      listed = await this._listed(from);
      if (this._isTaken(room, from, to, listed)) {
        // JupyterLab looks for the response.
        const response = { status: 400 };
        throw Object.assign(new Error(taken(to)), { response });
      }
    }
    for (const { path } of listed) {
      room.rename(path, to + path.slice(from.length));
    }
    const one = listed.find(({ path }) => path === from);
    return listed.length ? describe(to, one?.contentType ?? 'directory') : null;
  }

  /**
   * Whether the room has a document of this name. The drive would write over its file, and leave the room
   * with two documents for one file. Files that are none of the room's are not looked at.
   */
  private _isTaken(
    room: IRoom,
    from: string,
    to: string,
    listed: IIndexEntry[]
  ): boolean {
    const ledger = this._options.ledger(room);
    const moved = new Set([
      this._options.shown(from),
      ...ledger.paths(from).map(path => ledger.get(path)?.genesis),
      ...listed.map(({ genesis }) => genesis)
    ]);
    const isInTheWay = ({ path, genesis }: IIndexEntry) =>
      isWithin(path, to) && !isWithin(path, from) && !moved.has(genesis);
    const isOfRoom = [...moved].some(genesis => genesis && room.home(genesis));
    return isOfRoom && room.entries().some(isInTheWay);
  }

  /**
   * Rename a file, or a folder; null if there is none. While this waits the room may move it: then it is
   * moved from there.
   */
  private async _renameFile(
    from: string,
    to: string
  ): Promise<Contents.IModel | null> {
    const { baseUrl, files, room: roomNow, ledger } = this._options;
    const room = roomNow();
    const genesis = room && ledger(room).get(from)?.genesis;
    // The model, or where the file has gone.
    const done = await withFile(baseUrl, from, async () => {
      const file = await files.moving(from);
      if (file) {
        // What is told of a rename does not tell whether the file was what had been saved.
        this._dates.set(from, file.last_modified);
        return this._drivesRename(from, to);
      }
      return (genesis && room.home(genesis)?.path) || null;
    });
    if (typeof done !== 'string') {
      return done;
    }
    return done === from ? null : this._rename(done, to);
  }

  /** A rename or a deletion in the drive, by this person. */
  private _onFile(change: Contents.IChangedArgs): void {
    const { room: roomNow, files, then } = this._options;
    const room = roomNow();
    const from = change.oldValue?.path;
    const to = change.newValue?.path;
    if (!room || !from || files.isQuiet(from)) {
      return;
    }
    if (change.type === 'rename' && to) {
      void then(() => this._renamed(room, from, to));
    } else if (change.type === 'delete') {
      void then(async () => this._deleted(room, from));
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
      await this._tellOfMove(room, saved.genesis, target);
    }
    const genesis = this._options.shown(to);
    if (genesis) {
      await this._tellOfMove(room, genesis, to); // it may never have been saved
    }
  }

  /** To the drive a new name is a new date; a file that had been changed stays a changed one. */
  private async _dateAfter(
    from: string,
    to: string,
    saved: string
  ): Promise<string> {
    const file =
      this._dates.get(from) === saved
        ? await this._options.files.get(to)
        : null;
    this._dates.delete(from);
    return file?.last_modified ?? saved;
  }

  private async _tellOfMove(
    room: IRoom,
    genesis: GenesisId,
    to: string
  ): Promise<void> {
    const home = room.home(genesis);
    if (!home || home.path === to) {
      return;
    }
    if (room.entry(to)) {
      // Somebody was quicker to give another one this name.
      await this._options.goBack(room, { ...home, path: to }, home);
    } else {
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
  private async _deleteListed(folder: string): Promise<void> {
    for (const { path, genesis } of await this._listed(folder)) {
      this._tellOfDeletion(this._options.room()!, path, genesis);
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

  private _drivesRename: Drive['rename'];
  /** What is being renamed. */
  private _renaming: string[] = [];
  /** The dates of files that are being renamed, by their old names. */
  private _dates = new Map<string, string>();
}

export namespace OwnChanges {
  export interface IOptions {
    drive: Drive;
    files: Files;
    /** Where the site is. */
    baseUrl: string;
    /** The room of now. */
    room: () => IRoom | null;
    ledger: (room: IRoom) => Ledger;
    /** The document that is shown at a path. */
    shown: (path: string) => GenesisId | null;
    /** Do something when all that has happened before has been dealt with. */
    then: (step: () => Promise<void>) => Promise<void>;
    /** Resolves then. */
    idle: () => Promise<void>;
    /** A file is under a name that the room has given to another one: have it follow the room. */
    goBack: (
      room: IRoom,
      before: IIndexEntry,
      after: IIndexEntry
    ) => Promise<void>;
    /** Says that a name is taken, and returns what it said. */
    taken: (path: string) => string;
  }
}
