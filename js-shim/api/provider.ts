/**
 * For any Yjs application: one Y.Doc, one room, two lines. The document has no genesis of its own
 * here; like with other Yjs providers, whoever names the same room shares one history.
 */
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { genesisOf } from './engine.js';
import { joinRoom } from './room.js';
import { IRoom, IRoomOptions } from './types.js';

export class WebrtcProvider {
  /**
   * Connect `ydoc` with all who open the same room.
   *
   * @param room - the room's name
   * @param ydoc - the document; what it has already is shared
   * @param options - at least `signaling`; `prefix` is the page's origin unless given
   */
  constructor(room: string, ydoc: Y.Doc, options: WebrtcProvider.IOptions) {
    this.doc = ydoc;
    this.awareness = options.awareness ?? new Awareness(ydoc);
    this.synced = this._connect({
      prefix: window.location.origin,
      ...options,
      room
    });
  }

  readonly doc: Y.Doc;
  readonly awareness: Awareness;

  /**
   * Resolves with the room when everybody's content who is there now has been exchanged, or nobody is
   * there. Rejects, with a message for a person, when the room can't be joined.
   */
  readonly synced: Promise<IRoom>;

  /** The room, once it has been joined. */
  get room(): IRoom | null {
    return this._room;
  }

  /** Leave the room. The document stays as it is. */
  destroy(): void {
    this._isDestroyed = true;
    this._room?.dispose();
  }

  private async _connect(options: IRoomOptions): Promise<IRoom> {
    const room = await joinRoom(options);
    this._room = room;
    if (this._isDestroyed) {
      room.dispose();
      return room;
    }
    const name = new TextEncoder().encode(`Yjs document ${options.room}`);
    const genesis = genesisOf(name);
    const path = 'document';
    // Before it is known who is here: whoever turns up is asked for the document at once.
    room.attach(genesis, this.doc, this.awareness);
    await room.settled();
    if (room.entry(path)) {
      await room.isHere(genesis);
    } else {
      const entry = { path, genesis, contentType: 'yjs', format: 'update' };
      await room.claim(entry, Y.encodeStateAsUpdate(this.doc));
    }
    return room;
  }

  private _room: IRoom | null = null;
  private _isDestroyed = false;
}

export namespace WebrtcProvider {
  export interface IOptions extends Omit<IRoomOptions, 'room' | 'prefix'> {
    prefix?: string;
    awareness?: Awareness;
  }
}
