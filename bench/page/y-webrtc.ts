/** Documents shared by y-webrtc: one room, and so one connection, for each of them. */
import * as Y from 'yjs';
import { WebrtcProvider } from 'y-webrtc';

export class YWebrtc {
  constructor(
    private _signaling: string,
    private _room: string
  ) {}

  /** Take part with this document. */
  provide(path: string, ydoc: Y.Doc): void {
    this._providers.push(
      new WebrtcProvider(`${this._room}/${path}`, ydoc, {
        signaling: [this._signaling],
        // As ours: nothing but the signaling server helps to find each other.
        peerOpts: { config: { iceServers: [] } }
      })
    );
  }

  /** Resolves when the signaling server has been reached: who comes now is heard. */
  async listening(): Promise<void> {
    const isListening = (provider: WebrtcProvider) =>
      provider.room &&
      provider.signalingConns.every(connection => connection.connected);
    while (!this._providers.every(isListening)) {
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }

  /** Resolves when every document has a connection to somebody. */
  async connected(): Promise<void> {
    while (!this._providers.every(isConnected)) {
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }

  /** To how many people every document has a connection. */
  acquaintances(): number {
    const connected = ({ room }: WebrtcProvider) =>
      [...(room?.webrtcConns.values() ?? [])].filter(one => one.connected)
        .length;
    return Math.min(...this._providers.map(connected));
  }

  leave(): void {
    this._providers.forEach(provider => provider.destroy());
  }

  private _providers: WebrtcProvider[] = [];
}

function isConnected(provider: WebrtcProvider): boolean {
  const connections = provider.room?.webrtcConns.values() ?? [];
  return [...connections].some(connection => connection.connected);
}
