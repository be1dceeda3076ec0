/**
 * What was last saved of the room's documents in this person's own drive.
 *
 * A file that differs from the room's document may be an older version of that very document, saved
 * here before the others went on editing; or it may be the person's own work. The first is simply out
 * of date, the second must be kept as a copy. The ledger tells them apart: it remembers, by path,
 * which document was saved last, in which state, and the fingerprint of what was saved. Only if the
 * room's document has all of that state is nothing lost without the file.
 */
import { GenesisId } from '../api/types.js';
import { read, write } from './fragment.js';

/** One line of the ledger. */
export interface ISaved {
  genesis: GenesisId;
  /** The document's state vector at that moment, as bytes. */
  stateVector: number[];
  /** Fingerprint of the normalised content. */
  fingerprint: string;
}

export interface ILedger {
  get(path: string): ISaved | null;
  set(path: string, saved: ISaved): void;
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
      return Array.isArray(saved.stateVector) ? (saved as ISaved) : null;
    } catch {
      return null;
    }
  }

  set(path: string, saved: ISaved): void {
    write(this._storage, this._prefix + path, JSON.stringify(saved));
  }

  private _prefix: string;
}

/** 53 bits of a string, quickly (cyrb53): enough to notice that a file is not the one that was saved. */
export function fingerprint(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507);
  a ^= Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507);
  b ^= Math.imul(a ^ (a >>> 13), 3266489909);
  const value = 4294967296 * (2097151 & b) + (a >>> 0);
  return `${text.length.toString(36)}-${value.toString(36)}`;
}
