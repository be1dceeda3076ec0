/** Opening a document that everybody has the same file of, alone or not: nothing is lost, nothing doubled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSee, undisturbed } from './crowd.mjs';
import { markdown, notebook, occurrences } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const SOURCES = ['first', '# second', 'third'];
const START = notebook('first', markdown('# second'), 'third');
const files = { [PATH]: START };

test('alone', async () => {
  const [ada] = await stage.persons(['ada'], { files });
  await ada.open(PATH, { room: freshRoom() });
  await ada.seesSources(PATH, SOURCES);
  await ada.type(PATH, ' by ada');
  await ada.save(PATH);
  const saved = await ada.file(PATH);
  assert.deepEqual(
    saved.cells.map(cell => cell.source),
    ['first by ada', ...SOURCES.slice(1)],
    "what ada's drive has"
  );
  await undisturbed([ada]);
});

test('a second later', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  const room = freshRoom();
  await ada.open(PATH, { room });
  await ada.type(PATH, ' by ada');
  await grace.open(PATH, { room });
  await grace.seesSources(PATH, ['first by ada', ...SOURCES.slice(1)]);
  await grace.type(PATH, ' by grace', 2);
  await allSee([ada, grace], PATH, [
    'first by ada',
    '# second',
    'third by grace'
  ]);
  await undisturbed([ada, grace]);
});

test('four at the same instant', async () => {
  const people = await stage.persons(['ada', 'grace', 'kay', 'mary'], {
    files
  });
  const room = freshRoom();
  await Promise.all(people.map(one => one.open(PATH, { room })));
  await Promise.all(people.map(one => one.meets(3)));
  await Promise.all(
    people.map(one =>
      one.run(
        PATH,
        (_, model, name) =>
          model.insertCell(model.cells.length, {
            cell_type: 'code',
            source: `by ${name}`
          }),
        one.name
      )
    )
  );
  await eventually(async () => {
    const all = await Promise.all(people.map(one => one.sources(PATH)));
    for (const [index, sources] of all.entries()) {
      assert.deepEqual(sources, all[0], `${people[index].name} and ada differ`);
      assert.deepEqual(
        [...sources].sort(),
        [...SOURCES, 'by ada', 'by grace', 'by kay', 'by mary'].sort(),
        `what ${people[index].name} sees`
      );
    }
  });
  await undisturbed(people);
});

test('both while signaling is down, which then comes back', async () => {
  const signaling = await stage.signaling();
  await signaling.stop();
  const [ada, grace] = await stage.persons(['ada', 'grace'], {
    files,
    config: signaling.config
  });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.noticed(/signaling/), grace.noticed(/signaling/)]);
  await ada.type(PATH, ' by ada', 0);
  await grace.type(PATH, ' by grace', 2);
  await ada.save(PATH);
  await allSee([ada], PATH, ['first by ada', '# second', 'third']);
  await signaling.start();
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await allSee([ada, grace], PATH, [
    'first by ada',
    '# second',
    'third by grace'
  ]);
  for (const one of [ada, grace]) {
    const copies = (await one.files()).filter(path => /copy/.test(path));
    assert.deepEqual(copies, [], `copies on ${one.name}'s drive`);
    await one.hides(/signaling/);
  }
});

test('a reload makes no copy and loses nothing', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await ada.type(PATH, ' by ada');
  await grace.save(PATH);
  await grace.type(PATH, ' by grace', 2);
  await ada.sees(PATH, 'by grace');
  await grace.reload(PATH);
  await ada.type(PATH, ' again');
  await grace.meets(1);
  await allSee([ada, grace], PATH, [
    'first by ada again',
    '# second',
    'third by grace'
  ]);
  await undisturbed([ada, grace]);
  assert.equal(occurrences(await ada.sources(PATH), 'by ada'), 1);
});
