/**
 * The exact state of an open document: what a state vector tells of it, and a hash that also tells
 * deletions (which no state vector counts) and what is one's own and yet saved, such as trust. Two
 * tabs whose hashes are equal would save the same file.
 */
import { DocumentChange, YDocument } from '@jupyter/ydoc';
import * as Y from 'yjs';
import { digest, digestText } from '../documents/index.js';
import { IDocumentKind } from './kinds.js';

export interface IState {
  vector: Uint8Array;
  /** What is hashed is that of now, also if the hash is asked for later. */
  hash(): Promise<string>;
}

export function stateOf(
  model: YDocument<DocumentChange>,
  kind: Pick<IDocumentKind, 'personal'>
): IState {
  const snapshot = Y.encodeSnapshot(Y.snapshot(model.ydoc));
  const personal = kind.personal(model);
  return {
    vector: Y.encodeStateVector(model.ydoc),
    hash: async () => digestText(`${await digest(snapshot)} ${personal}`)
  };
}

/** The next change of a document, or the end of so many milliseconds. */
export function nextUpdate(ydoc: Y.Doc, patience: number): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer);
      ydoc.off('update', done);
      resolve();
    };
    const timer = setTimeout(done, patience);
    ydoc.on('update', done);
  });
}
