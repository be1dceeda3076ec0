/**
 * What this person does in the file browser, for the room.
 *
 * What they rename or delete of the room's is renamed and deleted for all. The file browser also lists
 * what the drive has no file of (see `room-files.ts`): that is the room's alone, and is renamed and deleted
 * there, or written first where a file is needed.
 */
import { Contents } from '@jupyterlab/services';
import { GenesisId, IIndexEntry, IRoom } from '../../api/types.js';
import { kindOf } from '../open/kinds.js';
import { withFile } from './exclusive.js';
import { Drive, Files } from './files.js';
import { Ledger } from './ledger.js';
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
      return copy(path, folder);
    };
    const getDownloadUrl = drive.getDownloadUrl.bind(drive);
    drive.getDownloadUrl = async path => {
      await this._bring(path);
      return getDownloadUrl(path);
    };
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

  /** Write what is only listed: a file is needed. */
  private async _bring(path: string): Promise<void> {
    const { room, files, ledger } = this._options;
    const now = room();
    const entry = now?.entry(path);
    const kind = entry && kindOf(entry.contentType, entry.format);
    if (now && kind && !(await files.get(path))) {
      const update = await now.fetch(entry.genesis);
      if (update) {
        await files.give(ledger(now), entry, update);
      }
    }
  }

  /** A rename by this person. While it waits, the room may move the file: then it is moved from there. */
  private async _rename(from: string, to: string): Promise<Contents.IModel> {
    const { baseUrl, drive, files, room: roomNow, ledger } = this._options;
    const room = roomNow();
    if (room) {
      this._refuseIfTaken(room, from, to);
      const listed = await this._listed(from);
      for (const { path } of listed) {
        room.rename(path, to + path.slice(from.length));
      }
      if (listed.length && !(await files.get(from))) {
        const contentType =
          listed[0].path === from ? listed[0].contentType : 'directory';
        const model = describe(to, contentType);
        files.announce(from, model);
        return model;
      }
    }
    const genesis = room && ledger(room).get(from)?.genesis;
    // The model, or where the file has gone.
    const done = await withFile(baseUrl, from, async () => {
      const file = await files.moving(from);
      if (file) {
        // What is told of a rename does not tell whether the file was what had been saved.
        this._dates.set(from, file.last_modified);
      }
      const home = !file && genesis ? room.home(genesis) : null;
      return home && home.path !== from
        ? home.path
        : this._drivesRename(from, to);
    });
    if (typeof done !== 'string') {
      return done;
    }
    // To the drive, to rename a file to its own name is to take it away.
    return done === to ? drive.get(to) : this._rename(done, to);
  }

  /** The drive would write over a file of this name, and leave the room with two documents for one file. */
  private _refuseIfTaken(room: IRoom, from: string, to: string): void {
    const ledger = this._options.ledger(room);
    const moved = new Set(
      ledger.paths(from).map(path => ledger.get(path)?.genesis)
    );
    const isTaken = room
      .entries()
      .some(
        ({ path, genesis }) =>
          isWithin(path, to) && !isWithin(path, from) && !moved.has(genesis)
      );
    if (isTaken) {
      // JupyterLab looks for the response.
      throw Object.assign(new Error(this._options.taken(to)), {
        response: { status: 400 }
      });
    }
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
      then(() => this._renamed(room, from, to));
    } else if (change.type === 'delete') {
      then(async () => this._deleted(room, from));
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
  /** The dates of files that are being renamed, by their old names. */
  private _dates = new Map<string, string>();
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
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
    then: (step: () => Promise<void>) => void;
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
