/**
 * What differs between types of documents: how a content becomes a history and comes out of it again.
 *
 * Notebooks and text files (Markdown, JSON, CSV and so on are text files, too) are the two that
 * JupyterLab brings. A type that another extension registers is shared with what its factory can do.
 */
import { DocumentChange, YDocument } from '@jupyter/ydoc';
import { Contents, SharedDocumentFactory } from '@jupyterlab/services';
import * as Y from 'yjs';
import {
  applyNotebook,
  applyText,
  buildSeed,
  buildUnsharedSeed,
  contentText,
  createDocument,
  getSource,
  ILocalTrust,
  joinLineEnding,
  keepStateLocal,
  LineEnding,
  liveGenesis,
  loadInto,
  LocalFile,
  LocalNotebook,
  type ModelFactory,
  NotDeterministicError,
  setSource,
  splitLineEnding,
  UnsupportedDocumentError
} from '../documents/index.js';
import { Content, IKind, ISeed } from './opening.js';

type Model = YDocument<DocumentChange>;

/** {@link IKind}, and what it takes to deal with an open document. */
export interface IDocumentKind extends IKind {
  /** The seed of what is open. */
  liveSeed(path: string, model: Model): Promise<ISeed>;
  /** What is open, as it would be saved. */
  contentOfModel(model: Model): Content;
  /**
   * Put what the document starts from into the model. What the person's own file has says which
   * outputs they trust.
   */
  load(model: Model, update: Uint8Array, origin: unknown, mine: Content): void;
  /** What is in the file and not in the shared document: which outputs this person trusts. */
  personal(model: Model): string;
  /** Bring the open document to a content by the difference that it makes. */
  apply(model: Model, content: Content): void;
}

async function seed(
  path: string,
  contentType: string,
  make: ModelFactory,
  content: Content
): Promise<ISeed> {
  try {
    return await buildSeed(path, contentType, content, make);
  } catch (reason) {
    if (reason instanceof NotDeterministicError) {
      // Then whoever claims the path first has made the seed for everybody.
      return buildUnsharedSeed(path, contentType, content, make);
    }
    throw reason;
  }
}

function contentAfter(make: ModelFactory, update: Uint8Array): Content {
  const model = make();
  try {
    loadInto(model, update, null);
    return getSource(model);
  } finally {
    model.dispose();
  }
}

/** Whether the first state vector has every clock that the second one counts. */
function covers(reached: Uint8Array, wanted: Uint8Array): boolean {
  const clocks = Y.decodeStateVector(reached);
  return [...Y.decodeStateVector(wanted)].every(
    ([client, clock]) => clock <= (clocks.get(client) ?? 0)
  );
}

/** What all kinds do alike, each with its own models. */
function withModels(contentType: string, make: ModelFactory) {
  return {
    seed: (path: string, content: Content) =>
      seed(path, contentType, make, content),
    liveSeed: (path: string, model: Model) => liveGenesis(path, model.ydoc),
    contentOf: (update: Uint8Array) => contentAfter(make, update),
    normalise: contentText,
    reached: Y.encodeStateVectorFromUpdate,
    covers
  };
}

const notebook: IDocumentKind = {
  ...withModels('notebook', () => new LocalNotebook()),
  contentOfModel: model => (model as LocalNotebook).toJSON(),
  fromFile: content => ({ content, lineEnding: null }),
  toFile: content => content,
  load: (model, update, origin, mine) => {
    const notebook = model as LocalNotebook;
    notebook.load(update, origin);
    if (mine) {
      notebook.adoptTrust(mine);
    }
  },
  personal: model =>
    (model as LocalNotebook).cells
      .filter(cell => (cell as Partial<ILocalTrust>).trusted)
      .map(cell => cell.getId())
      .join(' '),
  apply: (model, content) => applyNotebook(model as LocalNotebook, content)
};

const text: IDocumentKind = {
  ...withModels('file', () => new LocalFile()),
  contentOfModel: model => (model as LocalFile).getSource(),
  fromFile: content => {
    const { text, lineEnding } = splitLineEnding(content ?? '');
    return { content: text, lineEnding };
  },
  toFile: (content, lineEnding) =>
    joinLineEnding(content, (lineEnding ?? '\n') as LineEnding),
  load: (model, update, origin) => (model as LocalFile).load(update, origin),
  personal: () => '',
  apply: (model, content) => applyText(model as LocalFile, content)
};

/**
 * The kind of a type of document that another extension brings, made of nothing but its factory. What
 * such a document is made of only the extension knows; so a revert replaces all of it.
 */
function kindOfFactory(
  contentType: string,
  format: string,
  make: ModelFactory
): IDocumentKind {
  const file = format === 'text' ? text : notebook;
  const all = withModels(contentType, make);
  return {
    ...all,
    seed: async (path, content) => {
      const begun = await all.seed(path, content);
      // A model that begins with something of its own would have that twice, once by each history.
      if (contentText(all.contentOf(begun.update)) !== contentText(content)) {
        throw new UnsupportedDocumentError(
          `Documents of type “${contentType}” can’t be shared.`
        );
      }
      return begun;
    },
    contentOfModel: getSource,
    fromFile: file.fromFile,
    toFile: file.toFile,
    load: loadInto,
    personal: () => '',
    apply: (model, content) => {
      if (contentText(getSource(model)) !== contentText(content)) {
        setSource(model, content);
      }
    }
  };
}

/** The kinds of models that were made with other extensions' factories. */
const kinds = new WeakMap<Model, IDocumentKind>();

/** The kind of a document; null where it is not to be shared. */
export function kindOf(
  contentType: string,
  format: string,
  model?: Model
): IDocumentKind | null {
  if (contentType === 'notebook' && format === 'json') {
    return notebook;
  }
  if (contentType === 'file' && format === 'text') {
    return text;
  }
  return (model && kinds.get(model)) ?? null;
}

/**
 * The model of a document: one that keeps trust and state to itself.
 *
 * @param undoPerCell Whether undo is for each cell of a notebook by itself, as JupyterLab's setting says.
 */
export function createModel(
  options: Contents.ISharedFactoryOptions,
  registered: SharedDocumentFactory,
  undoPerCell?: boolean
): Model {
  const { contentType, format } = options;
  if (contentType === 'notebook') {
    const disableDocumentWideUndoRedo = undoPerCell ?? true;
    return new LocalNotebook({ disableDocumentWideUndoRedo });
  }
  const own = createDocument(contentType);
  if (own) {
    return own;
  }
  const model = registered(options);
  keepStateLocal(model);
  // What is base64 is an image or the like, and not text.
  if (format === 'json' || format === 'text') {
    const make = () => registered(options);
    kinds.set(model, kindOfFactory(contentType, format, make));
  }
  return model;
}
