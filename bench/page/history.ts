/**
 * A document whose history is kept in the browser: typed once, then opened again after a reload, with
 * nobody else there. Beside ours y-indexeddb, which is what a Yjs application would take for that.
 */
import { IndexeddbPersistence } from 'y-indexeddb';
import * as Y from 'yjs';
import { provide } from './ours.js';

export type Keeper = 'ours' | 'y-indexeddb';

interface IPlace {
  system: Keeper;
  /** The room's name, and the database's. */
  room: string;
}

/**
 * Edits in one transaction, but for the last ones: a run with one transaction for each edit had not come
 * to its end after ten minutes.
 */
const BATCH = 100;
/** A log that has not changed for so long has been compacted, or is not going to be. */
const REST = 5_000;
/** So many characters are typed at one place; one edit in so many takes a character away. */
const WORD = 6;
const DELETES = 10;
/** Edits that come after a rest, so that the log has a snapshot and a tail when it is read. */
const TAIL = 300;

/** Where the next word goes: the same places for every contestant (mulberry32, from a fixed seed). */
let state = 20_26;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

/** Type so many characters, and wait until all is kept. */
export async function type(o: IPlace & { edits: number }): Promise<void> {
  const ydoc = new Y.Doc();
  await open(o, ydoc);
  const text = ydoc.getText('text');
  for (let edits = TAIL; edits < o.edits; edits += BATCH) {
    ydoc.transact(() => typeInto(text, BATCH));
    await new Promise(resolve => setTimeout(resolve));
  }
  await isKept(o);
  typeInto(text, TAIL);
  await isKept(o);
}

/** Open it again: milliseconds until the whole text is there, and its length. */
export async function reopen(o: IPlace) {
  const ydoc = new Y.Doc();
  const began = performance.now();
  await open(o, ydoc);
  const ms = performance.now() - began;
  return { ms, length: ydoc.getText('text').length };
}

/** Open it, type a word, and go on: how many clients ever wrote, in how many bytes of a state vector. */
export async function visit(o: IPlace & { load: number }) {
  const ydoc = new Y.Doc();
  await open(o, ydoc);
  const text = ydoc.getText('text');
  text.insert(text.length, 'a word ');
  if (o.system === 'y-indexeddb') {
    // It loses what a page that goes at once has typed last.
    await isInLog(o, 'a word '.repeat(o.load));
  }
  return {
    clients: ydoc.store.clients.size,
    bytes: Y.encodeStateVector(ydoc).length,
    length: text.length
  };
}

/** How many records there are, and how many updates in them. */
export async function log(o: IPlace) {
  const store = o.system === 'ours' ? 'log' : 'updates';
  const records = await read(o, store, log => log.getAll());
  const updates = records.map(record => record.updates?.length ?? 1);
  return {
    records: records.length,
    updates: updates.reduce((a, b) => a + b, 0)
  };
}

async function open({ system, room }: IPlace, ydoc: Y.Doc): Promise<void> {
  if (system === 'ours') {
    await provide(null, room, ydoc, room).synced;
  } else {
    await new IndexeddbPersistence(room, ydoc).whenSynced;
  }
}

/** As a person types: some characters here, some there, now and then one back. */
function typeInto(text: Y.Text, edits: number): void {
  let at = 0;
  for (let i = 0; i < edits; i++) {
    if (i % WORD === 0) {
      at = Math.floor(random() * (text.length + 1));
    }
    if (i % DELETES === DELETES - 1 && at > 0) {
      text.delete(--at, 1);
    } else {
      text.insert(at++, String.fromCharCode(97 + (i % 26)));
    }
  }
}

/** Resolves when the log has been as it is for a while. */
async function isKept(o: IPlace): Promise<void> {
  let before = NaN;
  let since = performance.now();
  while (performance.now() - since < REST) {
    await new Promise(resolve => setTimeout(resolve, 500));
    const store = o.system === 'ours' ? 'log' : 'updates';
    const keys = await read(o, store, log => log.getAllKeys());
    const now = Number(keys.at(-1) ?? -1);
    if (now !== before) {
      before = now;
      since = performance.now();
    }
  }
}

/** Resolves when what is kept is this text. */
async function isInLog(o: IPlace, text: string): Promise<void> {
  for (let kept = ''; kept !== text;) {
    const ydoc = new Y.Doc();
    const updates = await read(o, 'updates', log => log.getAll());
    updates.forEach(update => Y.applyUpdate(ydoc, update));
    kept = ydoc.getText('text').toString();
  }
}

function read<T>(
  { room }: IPlace,
  store: string,
  ask: (store: IDBObjectStore) => IDBRequest<T>
): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(room);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const request = ask(database.transaction(store).objectStore(store));
      request.onsuccess = () => {
        database.close();
        resolve(request.result);
      };
      request.onerror = () => reject(request.error);
    };
  });
}
