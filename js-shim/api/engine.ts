/**
 * The engine in WebAssembly: loaded once, when the first room is joined. What it tells the page has
 * the shapes of `src/web/page.rs`.
 */
import init, {
  Engine,
  forgetRoom,
  forgetUnused,
  genesisOf,
  rehearse,
  tabsOf
} from '../../pkg/jupyterlite_webrtc.js';
import {
  GenesisId,
  IIndexChange,
  IIndexEntry,
  INotice,
  IRoomOptions,
  IRoomStatus,
  ISignalingStatus,
  Settlement
} from './types.js';

export { Engine, forgetRoom, forgetUnused, genesisOf, tabsOf };

/** What the engine tells the page. A channel is a document's genesis id, or null for the room. */
export type EngineEvent =
  | { type: 'apply'; genesis: GenesisId; update: Uint8Array }
  | { type: 'compact'; genesis: GenesisId }
  | { type: 'presence'; channel: GenesisId | null; update: Uint8Array }
  | { type: 'presence-gone'; channel: GenesisId | null; clients: number[] }
  | ({ type: 'index' } & IIndexChange)
  | { type: 'claimed'; number: number; entry: IIndexEntry }
  | { type: 'held'; genesis: GenesisId }
  | { type: 'unavailable'; genesis: GenesisId }
  | { type: 'depose' }
  | { type: 'settled'; settlement: Settlement }
  | { type: 'status' }
  | { type: 'notice'; code: INotice['code']; detail: string };

/** `IRoomStatus`, but for the servers' URLs, which the engine's page knows. */
export type EngineStatus = Omit<IRoomStatus, 'signaling'> & {
  signaling: ISignalingStatus['state'][];
};

let loading: Promise<unknown> | null = null;

/** Load the engine, or find it loaded. Rejects where it can't be fetched or compiled. */
export async function loadEngine(): Promise<void> {
  loading ??= init().then(rehearse);
  try {
    await loading;
  } catch (reason) {
    loading = null; // the next attempt fetches it again
    throw new Error(
      `The collaboration engine could not be loaded: ${reason instanceof Error ? reason.message : reason}`
    );
  }
}

/**
 * Begin to connect to signaling servers. The engine goes on with these sockets, so that the servers and
 * the engine are waited for at the same time. One that the browser refuses is left to the engine, null.
 */
export function dial(urls: string[]): (WebSocket | null)[] {
  return urls.map(url => {
    try {
      return new WebSocket(url);
    } catch {
      return null;
    }
  });
}

/** Join a room. The engine must be loaded. */
export function startEngine(
  options: IRoomOptions & { tabs: boolean; browserTab?: string },
  sockets: (WebSocket | null)[],
  listener: (event: EngineEvent) => void,
  failed: (message: string) => void
): Engine {
  return new Engine(options, sockets, listener, failed);
}
