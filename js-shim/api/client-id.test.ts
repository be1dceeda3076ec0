import { expect, test } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { borrowClientId, ILender, returnClientId } from './client-id.js';

/** What lends one client id, and notes what it gets back. */
function lender(lent?: [number, number]): ILender & { back: unknown[] } {
  const back: unknown[] = [];
  return {
    back,
    lend: () => lent?.[0],
    stateVector: () => Y.encodeStateVector(new Map(lent && [lent])),
    giveBack: (...given) => void back.push(given)
  };
}

/** A Y.Doc with what client 7 wrote. */
function loaded(): Y.Doc {
  const before = new Y.Doc();
  before.clientID = 7;
  before.getText('text').insert(0, 'abc');
  const ydoc = new Y.Doc();
  Y.applyUpdate(ydoc, Y.encodeStateAsUpdate(before));
  return ydoc;
}

test('a page load goes on under the client id of the one before', () => {
  const ydoc = loaded();
  const awareness = new Awareness(ydoc);
  awareness.setLocalState({ user: { name: 'Ada' } });
  const [passing] = awareness.getStates().keys();
  borrowClientId(lender([7, 3]), 'genesis', ydoc, awareness);
  ydoc.getText('text').insert(3, 'd');
  expect([...Y.decodeStateVector(Y.encodeStateVector(ydoc))]).toEqual([[7, 4]]);
  expect(awareness.clientID).toBe(7);
  expect(awareness.getLocalState()).toEqual({ user: { name: 'Ada' } });
  expect(awareness.getStates().has(passing)).toBe(false);
  awareness.destroy();
});

test('a client id that has come further elsewhere is not used', () => {
  const ydoc = loaded();
  const own = ydoc.clientID;
  borrowClientId(lender([7, 2]), 'genesis', ydoc);
  borrowClientId(lender([7, 4]), 'genesis', ydoc);
  borrowClientId(lender(), 'genesis', ydoc);
  borrowClientId(null, 'genesis', ydoc);
  expect(ydoc.clientID).toBe(own);
});

test('a Y.Doc that has written keeps its client id', () => {
  const ydoc = loaded();
  ydoc.getText('text').insert(0, 'x');
  const own = ydoc.clientID;
  borrowClientId(lender([7, 3]), 'genesis', ydoc);
  expect(ydoc.clientID).toBe(own);
});

test('nothing is written under a client id that was given back', () => {
  const ydoc = new Y.Doc();
  const awareness = new Awareness(ydoc);
  const own = ydoc.clientID;
  ydoc.getText('text').insert(0, 'abc');
  const engine = lender();
  returnClientId(engine, 'genesis', ydoc, awareness);
  ydoc.getText('text').insert(0, 'later');
  expect(engine.back).toEqual([['genesis', own, 3]]);
  expect(Y.decodeStateVector(Y.encodeStateVector(ydoc)).get(own)).toBe(3);
  expect(awareness.clientID).toBe(ydoc.clientID);
  awareness.destroy();
});
