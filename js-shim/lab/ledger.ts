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
 * saved is no change by somebody else, and that what it has to save is saved already.
 */
import { GenesisId } from '../api/types.js';
import { read, write } from './fragment.js';

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

/** The ledger of one room, in local storage. */
export class Ledger implements ILedger {
  /**
   * @param scope The site's base URL: many sites may share an origin.
   * @param room The room's id.
   */
  constructor(
    private _storage: Storage,
    scope: string,
    room: string
  ) {
    this._prefix = `jupyterlite-webrtc:saved:${scope}:${room}:`;
  }

  get(path: string): ISaved | null {
    const text = read(this._storage, this._prefix + path);
    try {
      const saved = text ? (JSON.parse(text) as Partial<ISaved>) : {};
      return Array.isArray(saved.stateVector) && saved.modified
        ? (saved as ISaved)
        : null;
    } catch {
      return null;
    }
  }

  set(path: string, saved: ISaved): void {
    const before = this.get(path);
    const same = before?.genesis === saved.genesis ? before.given : false;
    const given = saved.given ?? same;
    write(
      this._storage,
      this._prefix + path,
      JSON.stringify({ ...saved, given })
    );
  }

  delete(path: string): void {
    this._storage.removeItem(this._prefix + path);
  }

  /** The paths that it knows: this one, or those in this folder. */
  paths(path: string): string[] {
    return this._keys()
      .map(key => key.slice(this._prefix.length))
      .filter(one => one === path || one.startsWith(`${path}/`));
  }

  /** Whether some file is of this document. */
  has(genesis: GenesisId): boolean {
    const paths = this._keys().map(key => key.slice(this._prefix.length));
    return paths.some(path => this.get(path)?.genesis === genesis);
  }

  /** Forget everything about this room. */
  clear(): void {
    this._keys().forEach(key => this._storage.removeItem(key));
  }

  private _keys(): string[] {
    const keys = Object.keys(this._storage);
    return keys.filter(key => key.startsWith(this._prefix));
  }

  private _prefix: string;
}
