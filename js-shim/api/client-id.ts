/**
 * The client id of a Y.Doc: a name for whoever writes, drawn by chance when the Y.Doc is made. A page that
 * goes gives it back, and the next one of the same browser tab goes on under it; the engine's `clients.rs`
 * says why, and when that is safe.
 */
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { GenesisId } from './types.js';

/** The part of the engine that lends client ids. */
export interface ILender {
  lend(genesis: GenesisId): number | undefined;
  stateVector(genesis: GenesisId): Uint8Array | undefined;
  giveBack(genesis: GenesisId, client: number, clock: number): void;
}

/** Where a browser tab keeps what it is called, for all its pages. */
const TAB = 'jupyterlite-webrtc:tab';

/** What this browser tab is called; undefined where the browser keeps nothing. */
export function browserTab(): string | undefined {
  try {
    const tab = sessionStorage.getItem(TAB) ?? crypto.randomUUID();
    sessionStorage.setItem(TAB, tab);
    return tab;
  } catch {
    return undefined;
  }
}

/** Have a Y.Doc that has written nothing yet, and has all content, go on under a client id of before. */
export function borrowClientId(
  lender: ILender | null,
  genesis: GenesisId,
  ydoc: Y.Doc,
  awareness?: Awareness
): void {
  const client = lender?.lend(genesis);
  const known = lender?.stateVector(genesis);
  if (client === undefined || !known) {
    return;
  }
  const clockOf = (client: number) => Y.getState(ydoc.store, client);
  const isComplete = clockOf(client) === Y.decodeStateVector(known).get(client);
  if (isComplete && clockOf(ydoc.clientID) === 0) {
    rename(ydoc, client, awareness);
  }
}

/** Give back the client id of a Y.Doc. What is written in it from now on has another one. */
export function returnClientId(
  lender: ILender | null,
  genesis: GenesisId,
  ydoc: Y.Doc,
  awareness?: Awareness
): void {
  const { clientID, store } = ydoc;
  lender?.giveBack(genesis, clientID, Y.getState(store, clientID));
  rename(ydoc, new Y.Doc().clientID, awareness);
}

/** Cursors of others are known by their client ids, so a Y.Doc and its awareness have the same. */
function rename(ydoc: Y.Doc, client: number, awareness?: Awareness): void {
  const state = awareness?.getLocalState() ?? null;
  awareness?.setLocalState(null);
  ydoc.clientID = client;
  if (awareness) {
    awareness.clientID = client;
    awareness.setLocalState(state);
  }
}
