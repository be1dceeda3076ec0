import { expect, test } from 'vitest';
import * as Y from 'yjs';
import { Attachment } from './attachment.js';
import { Engine } from './engine.js';

/** A Y.Doc in a room whose document is empty; what goes to the room is collected. */
function attach(ydoc: Y.Doc): { attachment: Attachment; edited: Uint8Array[] } {
  const edited: Uint8Array[] = [];
  const engine = {
    attach: () => undefined,
    content: () => undefined,
    stateVector: () => undefined,
    lend: () => undefined,
    giveBack: () => undefined,
    edited: (_: string, update: Uint8Array) => edited.push(update)
  } as unknown as Engine;
  const attachment = new Attachment({
    engine: () => engine,
    genesis: 'genesis',
    ydoc,
    edited: () => undefined,
    disposed: () => undefined
  });
  return { attachment, edited };
}

function written(text: string): Uint8Array {
  const ydoc = new Y.Doc();
  ydoc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(ydoc);
}

test('own edits go to the room, before and after what comes from there', () => {
  const ydoc = new Y.Doc();
  const { attachment, edited } = attach(ydoc);
  ydoc.getText('text').insert(0, 'a');
  attachment.apply(written('b'));
  expect(edited).toHaveLength(1);
  ydoc.getText('text').insert(0, 'c');
  expect(edited).toHaveLength(2);
  attachment.dispose();
  ydoc.getText('text').insert(0, 'd');
  expect(edited).toHaveLength(2);
});

test('what an observer writes while an update is applied goes to the room', () => {
  const ydoc = new Y.Doc();
  const { attachment, edited } = attach(ydoc);
  const outputs = ydoc.getText('outputs');
  ydoc.getText('text').observe(() => outputs.insert(0, 'an output'));
  attachment.apply(written('b'));
  expect(edited).toHaveLength(1);
  const peer = new Y.Doc();
  Y.applyUpdate(peer, edited[0]);
  expect(peer.getText('outputs').toString()).toBe('an output');
});

test('an update of the room is not encoded again', () => {
  const ydoc = new Y.Doc();
  const { attachment } = attach(ydoc);
  let listens = true;
  ydoc.on(
    'afterAllTransactions',
    () => (listens = ydoc._observers.has('update'))
  );
  attachment.apply(written('b'));
  expect(listens).toBe(false);
  ydoc.getText('text').insert(0, 'a');
  expect(listens).toBe(true);
});
