/** Opening a document that only another has, also while it is still on its way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSee, undisturbed } from './crowd.mjs';
import { markdown, notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const SOURCES = ['first', '# second', 'third'];
const files = { [PATH]: notebook('first', markdown('# second'), 'third') };

/** Holds what a page sends from the first large message on, as a slow line would. */
function slowLine() {
  const { send } = window.RTCDataChannel.prototype;
  const held = [];
  let slow = true;
  window.RTCDataChannel.prototype.send = function (data) {
    const size = data.byteLength ?? data.size ?? data.length;
    if (slow && (size > 4096 || held.some(([channel]) => channel === this))) {
      held.push([this, data.slice()]);
    } else {
      send.call(this, data);
    }
  };
  window.isHolding = () => held.length > 0;
  window.letGo = () => {
    slow = false;
    held.splice(0).forEach(([channel, data]) => send.call(channel, data));
  };
}

test('a peer that is still empty is no source', async () => {
  const text = 'a long line of output\n'.repeat(20_000);
  const large = notebook('first', {
    source: 'print',
    execution_count: 1,
    outputs: [{ output_type: 'stream', name: 'stdout', text }]
  });
  const ada = await stage.person('ada', {
    files: { [PATH]: large },
    init: slowLine
  });
  const [grace, kay] = await stage.persons(['grace', 'kay']);
  const room = freshRoom();
  await ada.open(PATH, { room });
  await grace.goto(PATH, { room });
  await grace.meets(1);
  await ada.page.waitForFunction(() => window.isHolding());
  await kay.goto(PATH, { room });
  await kay.meets(2);
  for (const one of [grace, kay]) {
    const open = await one.page.evaluate(
      path => Boolean(window.documentAt(path)?.context.isReady),
      PATH
    );
    assert.equal(open, false, `${one.name} opened what has not arrived`);
  }
  await ada.page.evaluate(() => window.letGo());
  await Promise.all([grace.isOpen(PATH), kay.isOpen(PATH)]);
  for (const one of [grace, kay]) {
    await one.seesSources(PATH, ['first', 'print']);
    const seen = await one.run(
      PATH,
      (_, model) => model.getCell(1).getOutputs()[0].text
    );
    assert.equal(seen.length, text.length, `the output that ${one.name} sees`);
  }
  await undisturbed([ada, grace, kay]);
});

test('a file that only one has: the guests get it, in lab and in notebooks', async () => {
  const ada = await stage.person('ada', {
    files: { ...files, 'mine.txt': 'a\nb\n' }
  });
  const [grace, kay] = await stage.persons(['grace', 'kay']);
  const room = freshRoom();
  await ada.open(PATH, { room });
  await Promise.all([
    grace.open(PATH, { room }),
    kay.open(PATH, { room, app: 'notebooks' })
  ]);
  await allSee([grace, kay], PATH, SOURCES);
  await kay.type(PATH, ' by kay');
  await allSee([ada, grace], PATH, ['first by kay', ...SOURCES.slice(1)]);
  for (const one of [grace, kay]) {
    await one.save(PATH);
    const saved = await one.file(PATH);
    assert.equal(
      saved.cells[0].source,
      'first by kay',
      `on ${one.name}'s drive is ${JSON.stringify(saved.cells)}`
    );
  }
  // Another one, which the guest finds in the list of people.
  await ada.openMore('mine.txt');
  await grace.openFromPeople('mine.txt');
  await kay.open('mine.txt', { room, app: 'edit' });
  await allSee([grace, kay], 'mine.txt', 'a\nb\n');
  await undisturbed([ada, grace, kay]);
});
