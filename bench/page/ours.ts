/** Documents shared by jupyterlite-webrtc: one room, one connection, any number of documents. */
import * as Y from 'yjs';
import init from '../../pkg/jupyterlite_webrtc.js';
import { IRoom, joinRoom, WebrtcProvider } from '../../js-shim/api/index.js';
import { genesisOf, loadEngine } from '../../js-shim/api/engine.js';

const PREFIX = 'jupyterlite-webrtc benchmark';

export const load = loadEngine;

/** How much memory the engine has taken, in bytes. What has been loaded already is told at once. */
export async function engineMemory(): Promise<number> {
  return (await init()).memory.buffer.byteLength;
}

/** The way of a Yjs application: one document, one room; no server where nobody is to be met. */
export function provide(
  signaling: string | null,
  room: string,
  ydoc: Y.Doc,
  history?: string
) {
  return new WebrtcProvider(room, ydoc, {
    signaling: signaling ? [signaling] : [],
    prefix: PREFIX,
    history
  });
}

/** The way of the extension: a room, in which documents have paths. */
export class Ours {
  /** Join. */
  static async join(
    signaling: string,
    room: string,
    history?: string
  ): Promise<Ours> {
    const options = { signaling: [signaling], prefix: PREFIX, room, history };
    return new Ours(await joinRoom(options));
  }

  private constructor(readonly room: IRoom) {}

  /** Put a document into the room and keep it in step. */
  async share(path: string, ydoc: Y.Doc): Promise<void> {
    const update = Y.encodeStateAsUpdate(ydoc);
    const genesis = genesisOf(update);
    const entry = { path, genesis, contentType: 'file', format: 'text' };
    await this.room.claim(entry, update);
    this.room.attach(genesis, ydoc);
  }

  /** Open a document of the room. */
  async open(path: string, ydoc: Y.Doc): Promise<void> {
    await this.room.settled();
    const named = () => this.room.entry(path);
    const entry =
      named() ??
      (await new Promise<NonNullable<ReturnType<typeof named>>>(resolve => {
        const stop = this.room.onIndex(({ after }) => {
          if (after?.path === path) {
            stop();
            resolve(after);
          }
        });
      }));
    this.room.attach(entry.genesis, ydoc);
  }

  leave(): void {
    this.room.dispose();
  }
}
