/**
 * What was last saved of the room's documents in this person's own drive.
 *
 * A file that differs from the room's document may be an older version of that very document, saved
 * here before the others went on editing; or it may be the person's own work. The first is simply out
 * of date, the second must not be lost. The ledger tells them apart: it remembers, by path, which
 * document was saved last, in which state, and when. The drive's own date, exact to the millisecond,
 * says whether the file is still what was saved; only if the room's document has all of that state is
 * nothing lost without the file.
 *
 * All tabs of a browser have one drive and one ledger. So a tab can also tell that what another one
 * saved is no change by somebody else, that what it has to save is saved already, and that a document
 * was deleted by nobody but the person themselves.
 *
 * A ledger is of use as long as somebody may come back to its room. So each says when its room was used
 * last, and those of rooms that nobody opens any more are dropped, as the rooms' histories are.
 */
import { GenesisId } from '../../api/types.js';
import { isWithin } from './paths.js';
import { TabStorage } from './tab-storage.js';

/** One line of the ledger. */
export interface ISaved {
  genesis: GenesisId;
  /** The document's state vector at that moment, as bytes. */
  stateVector: number[];
  /** Hash of all that was saved, deletions and trust included; empty where it was not looked at. */
  state: string;
  /** When the drive says that the file was written. */
  modified: string;
  /**
   * Whether the file is there only because the room has it, and this person never wrote in it. Any other
   * file is theirs, whoever deletes the document. What is not said stays as it was.
   */
  given?: boolean;
}

export interface ILedger {
  get(path: string): ISaved | null;
  set(path: string, saved: ISaved): void;
  delete(path: string): void;
}

/** What a key begins with that is a line, by path. */
const SAVED = 'saved:';
/** What a key begins with that is of a document which this person deleted, by its genesis. */
const LET_GO = 'let go:';
/** The key of when the room was used last. */
const USED = 'used';

/** The ledger of one room. */
export class Ledger implements ILedger {
  /** @param _prefix What all keys of this ledger, and no others, begin with. */
  constructor(
    private _storage: TabStorage,
    private _prefix: string
  ) {}

  get(path: string): ISaved | null {
    const saved = this._read<Partial<ISaved>>(SAVED + path);
    return Array.isArray(saved?.stateVector) && saved.modified
      ? (saved as ISaved)
      : null;
  }

  set(path: string, saved: ISaved): void {
    const before = this.get(path);
    const same = before?.genesis === saved.genesis ? before.given : false;
    const given = saved.given ?? same;
    this._write(SAVED + path, { ...saved, given });
    this.use();
  }

  delete(path: string): void {
    this._storage.delete(this._prefix + SAVED + path);
  }

  /** The paths that it knows: this one, or those in this folder. */
  paths(path: string): string[] {
    return this._paths().filter(one => isWithin(one, path));
  }

  /** Whether some file is of this document. */
  has(genesis: GenesisId): boolean {
    return this._paths().some(path => this.get(path)?.genesis === genesis);
  }

  /** This person deleted a document, of which they had seen so much: that is wanted no more. */
  letGo(genesis: GenesisId, stateVector: Uint8Array): void {
    this._write(LET_GO + genesis, [...stateVector]);
  }

  /** The state vector of what this person had seen of a document when they deleted it, or null. */
  letGoOf(genesis: GenesisId): Uint8Array | null {
    const stateVector = this._read<number[]>(LET_GO + genesis);
    return Array.isArray(stateVector) ? Uint8Array.from(stateVector) : null;
  }

  /** The room is used now. */
  use(now = Date.now()): void {
    this._write(USED, now);
  }

  /** When the room was used last, in milliseconds. */
  get used(): number {
    return Number(this._read(USED)) || 0;
  }

  /** Forget everything about this room. */
  clear(): void {
    this._keys().forEach(key => this._storage.delete(key));
  }

  private _paths(): string[] {
    const start = this._prefix + SAVED;
    const lines = this._keys().filter(key => key.startsWith(start));
    return lines.map(key => key.slice(start.length));
  }

  private _keys(): string[] {
    return this._storage.keys().filter(key => key.startsWith(this._prefix));
  }

  /** What is stored under a key; null where that is nothing, or nothing that can be read. */
  private _read<T>(key: string): T | null {
    const text = this._storage.get(this._prefix + key);
    try {
      return text ? JSON.parse(text) : null;
    } catch {
      return null;
    }
  }

  private _write(key: string, value: unknown): void {
    this._storage.set(this._prefix + key, JSON.stringify(value));
  }
}

const DAY = 24 * 3600 * 1000;

/** A room's id. */
const ROOM = /^[0-9a-f]{64}$/;

/** The ledgers of all rooms of a site, in local storage. */
export class Ledgers {
  /** @param scope The site's base URL: many sites may share an origin. */
  constructor(storage: Storage, scope: string) {
    this._prefix = `jupyterlite-webrtc:ledger:${scope}:`;
    this._storage = new TabStorage(storage, this._prefix);
  }

  /** The ledger of a room, by the room's id. */
  of(room: string): Ledger {
    return new Ledger(this._storage, `${this._prefix}${room}:`);
  }

  /** Drop the ledgers of rooms that nobody has used for so many days. */
  forgetUnused(days: number, now = Date.now()): void {
    for (const room of this._rooms()) {
      const ledger = this.of(room);
      if (ledger.used < now - days * DAY) {
        ledger.clear();
      }
    }
  }

  private _rooms(): Set<string> {
    const rooms = this._storage
      .keys()
      .filter(key => key.startsWith(this._prefix))
      .map(key => key.slice(this._prefix.length).split(':')[0])
      .filter(room => ROOM.test(room)); // any other key is of a site below this one
    return new Set(rooms);
  }

  private _prefix: string;
  private _storage: TabStorage;
}
