/** Peers that are no honest page of this version: one of another, and hostile ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Y from 'yjs';
import { notebook } from './notebooks.mjs';
import { framed, indexOf, leb128, updateOf } from './plain-peer.mjs';
import { freshRoom, useStage } from './site.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first', 'second') };
const OTHER_VERSION =
  /another version of this extension.*reload.*\(protocol version 2, here 1\)/;

/** Two who edit together, and one more of another kind. */
async function twoAndAnother() {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  const other = await stage.plainPeer();
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  return { ada, grace, other, room };
}

/** What either types, from that cell on, reaches the other, and the drive; nobody else is there. */
async function goOn(ada, grace, cell = 0) {
  await ada.type(PATH, ' still by ada', cell);
  await grace.sees(PATH, 'first still by ada');
  await grace.type(PATH, ' still by grace', cell + 1);
  await ada.sees(PATH, 'second still by grace');
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await ada.page.keyboard.press('Control+s');
  await ada.isClean(PATH);
  const saved = JSON.stringify(await ada.file(PATH));
  assert.ok(saved.includes('still by grace'), `ada's drive has ${saved}`);
}

test('a page that announces another version is told of, and editing goes on', async () => {
  const { ada, grace, other, room } = await twoAndAnother();
  await other.join(room, { signaling: 2 });
  await Promise.all([ada.noticed(OTHER_VERSION), grace.noticed(OTHER_VERSION)]);
  await goOn(ada, grace);
  // It counts as somebody who listens; a newcomer does not wait for it for ever.
  const kay = await stage.person('kay', { files });
  await kay.open(PATH, { room });
  await kay.sees(PATH, 'still by grace');
  for (const one of [ada, grace]) {
    assert.equal(one.warnings.length, 1, `${one.name}: ${one.warnings}`);
  }
});

test('a page that says in its proof that it has another version is told of, and editing goes on', async () => {
  const { ada, grace, other, room } = await twoAndAnother();
  await other.join(room, { proof: 2 });
  await other.isDropped(2);
  await Promise.all([ada.noticed(OTHER_VERSION), grace.noticed(OTHER_VERSION)]);
  await goOn(ada, grace);
});

const ID = Array(32).fill(7);
const NESTED = [
  ...[1, 1, 1, 0, 8, 1, 1, 't'.charCodeAt(0), 1],
  ...Array(10_000).fill([117, 1]).flat(),
  ...[126, 0]
];

/** Frames that no honest page sends; `document` is the notebook's id. */
const HOSTILE = {
  'bytes that are no frame': () => [255, 255, 255],
  'a text': () => 'hello',
  'the end of what was never begun': () => [2, 7, 1, 2, 3],
  'a message of 100 MB for urgent things': () => [1, 0, ...leb128(1e8), 0],
  'a message of no known kind': () => framed([200, 1, 2, 3]),
  'a path that leads out of the drive': () => indexOf('../x', ID),
  'an update of four billion clients': document =>
    updateOf(document, leb128(2 ** 32 - 1)),
  'an update nested without end': document => updateOf(document, NESTED)
};

test('what can’t be understood drops the peer that sends it, and never the page', async () => {
  const { ada, grace, other, room } = await twoAndAnother();
  for (const [what, frame] of Object.entries(HOSTILE)) {
    await other.join(room);
    await other.isWelcomed(2);
    await Promise.all([ada.meets(2), grace.meets(2)]);
    const document = await other.documentAt(PATH);
    await other.send(frame(document));
    await other.isDropped(2).catch(() => assert.fail(`${what} was taken`));
    await Promise.all([ada.meets(1), grace.meets(1)]);
  }
  for (const one of [ada, grace]) {
    await one.noticed(/sent what could not be understood.*unharmed/);
    assert.equal(one.warnings.length, 1, `${one.name}: ${one.warnings}`);
    await one.seesSources(PATH, ['first', 'second']);
  }
  await goOn(ada, grace);
});

test('what is understood and no cell harms no cell', async () => {
  const { ada, grace, other, room } = await twoAndAnother();
  const hostile = new Y.Doc();
  hostile.clientID = 1; // what it puts at the beginning comes before all else there
  hostile.getArray('cells').insert(0, [42, 'text', new Y.Array()]);
  hostile.getMap('state').set('dirty', 'yes');
  await other.join(room);
  await other.isWelcomed(2);
  const document = await other.documentAt(PATH);
  await other.send(updateOf(document, Y.encodeStateAsUpdate(hostile)));
  const arrived = (_, model) => model.ydoc.getArray('cells').length === 5;
  await Promise.all([ada.until(PATH, arrived), grace.until(PATH, arrived)]);
  await other.close();
  await goOn(ada, grace, 3);
});
