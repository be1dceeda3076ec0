/**
 * The beginning of a document's history.
 *
 * When nobody has a document yet, it begins with what a file holds, and two people may begin it at
 * the same moment. A CRDT would keep both beginnings, and every cell would be there twice. So a
 * *seed* is deterministic: who seeds the same content makes the same bytes, which Yjs takes for one
 * change. The document's *genesis id* is a hash of these bytes and of the path: two new notebooks are
 * equal, and still two documents.
 *
 * The content gets its one spelling (`normalise.ts`, `canonical.ts`), is put into a scratch model of
 * the type that will show it, and written down under a client id that is taken from the hash of
 * those very bytes: other content has another id, so two different histories cannot be confused.
 * Nobody ever continues under that id; a live document keeps its own, and gets the seed applied
 * (`load` in `local-state.ts`).
 *
 * Models of other extensions may begin with something of their own, or with the time of day. Those
 * are found out here, and the caller lets one person seed.
 */
import type { YDocument } from '@jupyter/ydoc';
import * as Y from 'yjs';
import { canonicalForm } from './canonical.js';
import { clientIdOf, digest, digestText } from './digest.js';
import { splitLineEnding } from './line-ending.js';
import { normaliseNotebook } from './normalise.js';

/** A document's first update, and the id by which the document is named. */
export interface ISeed {
  genesis: string;
  update: Uint8Array;
}

/** A document of whatever class, that is made from a content and gives it back. */
export type Model = YDocument<any> & {
  setSource?(value: any): void;
  getSource?(): any;
};

/** Makes an empty model of the type that will show the document. */
export type ModelFactory = () => Model;

/** Put a content into a document. Older classes have but the property. */
export function setSource(model: Model, content: unknown): void {
  if (model.setSource) {
    model.setSource(content);
  } else {
    (model as { source: unknown }).source = content;
  }
}

/** The content of a document. */
export function getSource(model: Model): any {
  return model.getSource ? model.getSource() : model.source;
}

/** Two people could not make the same seed of documents of this type. */
export class NotDeterministicError extends Error {
  override name = 'NotDeterministicError';

  constructor(
    readonly contentType: string,
    reason: string
  ) {
    super(`Documents of type '${contentType}' ${reason}`);
  }
}

/** What documents of this type hold could not be shared without doubling or losing something. */
export class UnsupportedDocumentError extends Error {
  override name = 'UnsupportedDocumentError';
}

/**
 * The seed that everybody makes of this content at this path.
 *
 * @param path Where the document lives when its history begins.
 * @param contentType Jupyter content type, `notebook` for notebooks.
 * @param content What the drive has: a notebook, a text, or what else `setSource` takes.
 * @param createModel The factory of the model that will show the document.
 * @throws NotDeterministicError if others would make another one of the same content.
 * @throws UnsupportedNotebookError if it is no notebook of nbformat 4.
 */
export async function buildSeed(
  path: string,
  contentType: string,
  content: unknown,
  createModel: ModelFactory
): Promise<ISeed> {
  const source = seedSource(contentType, content);
  const build = (clientID: number) =>
    buildUpdate(source, createModel, clientID, contentType);
  const hash = await digest(build(1));
  if ((await digest(build(1))) !== hash) {
    throw new NotDeterministicError(contentType, 'change from build to build');
  }
  const update = build(clientIdOf(hash));
  return { genesis: await genesisId(path, update), update };
}

/**
 * A seed of one's own, for types that `buildSeed` refuses. Only one person may make it: two of them
 * are two documents.
 */
export async function buildUnsharedSeed(
  path: string,
  contentType: string,
  content: unknown,
  createModel: ModelFactory
): Promise<ISeed> {
  const update = buildUpdate(seedSource(contentType, content), createModel);
  return { genesis: await genesisId(path, update), update };
}

/**
 * A document that is open already, with its history, as the beginning of a shared one. State that a
 * model of `@jupyter/ydoc` has written into it (`dirty`, `path`, …) is taken out: it says something
 * about one person's file, and peers would read it as theirs.
 */
export async function liveGenesis(path: string, ydoc: Y.Doc): Promise<ISeed> {
  const whole = Y.encodeStateAsUpdate(ydoc);
  const hasState = (ydoc.share.get('state')?._map.size ?? 0) > 0;
  const update = hasState ? withoutState(whole) : whole;
  return { genesis: await genesisId(path, update), update };
}

/** The id of the document that begins at `path` with `update`. */
async function genesisId(path: string, update: Uint8Array): Promise<string> {
  return digestText(`${await digest(update)} ${path}`);
}

/** What is given to `setSource`, in its one spelling. */
function seedSource(contentType: string, content: unknown): unknown {
  if (contentType === 'notebook') {
    return normaliseNotebook(content);
  }
  const text =
    typeof content === 'string' ? splitLineEnding(content).text : content;
  return canonicalForm(text);
}

function buildUpdate(
  source: unknown,
  createModel: ModelFactory,
  clientID?: number,
  contentType?: string
): Uint8Array {
  const model = createModel();
  try {
    if (clientID !== undefined) {
      if (model.ydoc.store.clients.size > 0) {
        throw new NotDeterministicError(contentType!, 'are not born empty');
      }
      model.ydoc.clientID = clientID;
    }
    // Some models change what they are given.
    setSource(model, structuredClone(source));
    clearState(model.ydoc);
    return Y.encodeStateAsUpdate(model.ydoc);
  } finally {
    model.dispose();
  }
}

function withoutState(update: Uint8Array): Uint8Array {
  const scratch = new Y.Doc();
  Y.applyUpdate(scratch, update);
  clearState(scratch);
  const result = Y.encodeStateAsUpdate(scratch);
  scratch.destroy();
  return result;
}

function clearState(ydoc: Y.Doc): void {
  const state = Y.Doc.prototype.getMap.call(ydoc, 'state');
  ydoc.transact(() => [...state.keys()].forEach(key => state.delete(key)));
}
