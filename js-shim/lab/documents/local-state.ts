/**
 * A shared document whose state is one's own.
 *
 * `YDocument` keeps a map named `state` inside the shared document. On a Jupyter server that is
 * sound: there is one file, one saver, and the server writes its path and hash there. Between peers
 * everybody has a file of their own. If `dirty` were shared, one person's save would clear
 * everyone's unsaved mark and so suppress their autosave; a `path` or `hash` from a peer would
 * rename and un-conflict files that the peer knows nothing of.
 *
 * So the map is swapped for one in a private Y.Doc. Everything that JupyterLab does with the state,
 * including its signals, works as before; nothing of it leaves the page and nothing that a peer
 * writes there is read. The swap has to reach `ydoc.getMap('state')` too, since the CodeMirror
 * binding (`@jupyterlab/codemirror`, `ybinding.ts`) marks the document dirty that way.
 *
 * What a peer changes in the *content* does make this document dirty: our file lacks it.
 */
import type { YDocument } from '@jupyter/ydoc';
import * as Y from 'yjs';

/** Name of the map that `YDocument` keeps its state in. */
const STATE = 'state';

/** Keys which come and go without the file being another one. */
const TRANSIENT_KEYS = new Set<string | null>([
  'execution_state',
  'run',
  'trusted'
]);

type Constructor<T> = new (...args: any[]) => T;

/** A document that is not abstract. */
type Document = YDocument<any> & {
  version: string;
  getSource(): any;
  setSource(value: any): void;
};

/** What `withLocalState` adds to a document. */
export interface ILocalState {
  /**
   * Put what a room or a seed has into this document, as the beginning of its history here: it is
   * neither undoable nor unsaved. Whether it differs from the file, and so is dirty after all, only
   * the caller knows.
   */
  load(update: Uint8Array, origin: unknown): void;
}

/**
 * Whether a transaction brings what others wrote. Yjs calls everything non-local that was applied
 * as an update; what the document itself applied has the document as its origin.
 */
export function isRemote(
  transaction: Y.Transaction,
  document: YDocument<any>
): boolean {
  return !transaction.local && transaction.origin !== document;
}

/**
 * Apply an update that we made ourselves, as one local change. With the document itself as origin
 * it can be undone.
 *
 * Yjs calls the whole transaction non-local once an update is applied in it, and would give the
 * document another client id if something was also written in it directly. So the mark is set back,
 * and done by hand what Yjs does for it: forget where in a list it last was, as that has moved.
 */
export function applyOwn(
  document: Y.Doc,
  update: Uint8Array,
  origin: unknown
): void {
  document.transact(transaction => {
    const local = transaction.local;
    Y.applyUpdate(document, update, origin);
    transaction.local = local;
    for (const type of transaction.changed.keys()) {
      type._searchMarker?.splice(0);
    }
  }, origin);
}

/** Make the state of a document local, of whatever class it is. Call it when the document is made. */
export function keepStateLocal(document: YDocument<any>): void {
  const { ydoc } = document;
  const { onStateChanged } = document as unknown as {
    onStateChanged: (event: Y.YMapEvent<any>) => void;
  };
  const state = new Y.Doc().getMap<any>(STATE);
  document.ystate.unobserve(onStateChanged);
  state.observe(onStateChanged);
  Object.defineProperty(document, 'ystate', { get: () => state });
  ydoc.getMap = ((name?: string) =>
    name === STATE
      ? state
      : Y.Doc.prototype.getMap.call(ydoc, name)) as Y.Doc['getMap'];
  const onTransaction = (transaction: Y.Transaction) => {
    if (isRemote(transaction, document) && changesContent(transaction)) {
      document.dirty = true;
    }
  };
  ydoc.on('afterTransaction', onTransaction);
  document.disposed.connect(() => {
    ydoc.off('afterTransaction', onTransaction);
    state.doc?.destroy();
  });
}

/** See {@link ILocalState.load}. */
export function loadInto(
  document: YDocument<any>,
  update: Uint8Array,
  origin: unknown
): void {
  Y.applyUpdate(document.ydoc, update, origin);
  document.clearUndoHistory();
  document.dirty = false;
}

/** The class with its state made local. */
export function withLocalState<C extends Constructor<Document>>(
  Base: C
): C & Constructor<ILocalState> {
  return class extends Base implements ILocalState {
    constructor(...args: any[]) {
      super(...args);
      keepStateLocal(this);
    }

    load(update: Uint8Array, origin: unknown): void {
      loadInto(this, update, origin);
    }
  };
}

/** Whether a transaction changed what is saved in a file. */
function changesContent(transaction: Y.Transaction): boolean {
  // Straight from the document: `getMap` would give the local map.
  const shared: unknown = transaction.doc.share.get(STATE);
  for (const [type, keys] of transaction.changed) {
    const telling = [...keys].some(key => !TRANSIENT_KEYS.has(key));
    if ((type as unknown) !== shared && telling) {
      return true;
    }
  }
  return false;
}
