/** Different files at one path: one is edited by all, and the other is kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSee } from './crowd.mjs';
import { markdown, notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const COPY = 'mine (my copy).ipynb';
const SOURCES = ['first', '# second', 'third'];
const files = { [PATH]: notebook('first', markdown('# second'), 'third') };

test('different files at one path: both are kept', async () => {
  const ada = await stage.person('ada', { files });
  const grace = await stage.person('grace', {
    files: { [PATH]: notebook('something else', 'of grace') }
  });
  const room = freshRoom();
  await ada.open(PATH, { room });
  await grace.open(PATH, { room });
  await grace.noticed(/another version of “mine.ipynb”.*“mine \(my copy\)/);
  await grace.seesSources(PATH, SOURCES);
  const copy = await grace.file(COPY);
  assert.deepEqual(
    copy.cells.map(cell => cell.source),
    ['something else', 'of grace'],
    "the copy on grace's drive"
  );
  assert.deepEqual(ada.warnings, [], 'what ada was told');
  assert.equal((await ada.files()).includes(COPY), false, 'ada got a copy');
  await grace.type(PATH, '!');
  await allSee([ada, grace], PATH, ['first!', ...SOURCES.slice(1)]);

  // Opening it again makes no second copy.
  await grace.reload(PATH);
  await grace.seesSources(PATH, ['first!', ...SOURCES.slice(1)]);
  const copies = (await grace.files()).filter(path => /copy/.test(path));
  assert.deepEqual(copies, [COPY], "copies on grace's drive after a reload");
});

test('different files at one path at the same instant: one gives way, both are kept', async () => {
  const ada = await stage.person('ada', { files });
  const other = notebook('something else');
  const grace = await stage.person('grace', { files: { [PATH]: other } });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await eventually(async () => {
    const [a, b] = [await ada.sources(PATH), await grace.sources(PATH)];
    assert.deepEqual(a, b, 'ada and grace see different notebooks');
  });
  const sources = await ada.sources(PATH);
  const [winner, loser, lost] =
    sources.length === 3
      ? [ada, grace, ['something else']]
      : [grace, ada, SOURCES];
  const copy = await eventually(() => loser.file(COPY));
  assert.deepEqual(
    copy.cells.map(cell => cell.source),
    lost,
    `${loser.name}'s copy`
  );
  await loser.noticed(/another version of “mine.ipynb”/);
  assert.deepEqual(winner.warnings, [], `what ${winner.name} was told`);
});

for (const app of ['lab', 'notebooks']) {
  test(`different files, and a meeting that comes late (${app})`, async () => {
    const signaling = await stage.signaling();
    await signaling.stop();
    const { config } = signaling;
    const ada = await stage.person('ada', { files, config });
    const grace = await stage.person('grace', {
      files: { [PATH]: notebook('something else') },
      config
    });
    const room = freshRoom();
    const at = { room, app };
    await Promise.all([ada.open(PATH, at), grace.open(PATH, at)]);
    await ada.type(PATH, ' by ada');
    await grace.type(PATH, ' by grace');
    await signaling.start();
    await eventually(async () => {
      const [a, b] = [await ada.sources(PATH), await grace.sources(PATH)];
      assert.deepEqual(a, b, 'ada and grace see different notebooks');
    });
    const sources = await ada.sources(PATH);
    const mine = ['first by ada', ...SOURCES.slice(1)];
    const [loser, kept, lost] =
      sources.length === 3
        ? [grace, mine, ['something else by grace']]
        : [ada, ['something else by grace'], mine];
    assert.deepEqual(sources, kept, 'what both see');
    const copy = await eventually(() => loser.file(COPY));
    assert.deepEqual(
      copy.cells.map(cell => cell.source),
      lost,
      `${loser.name}'s copy`
    );
    await loser.noticed(/another version of “mine.ipynb”/);
    await loser.isOpen(PATH);
    await loser.meets(1);
    await loser.type(PATH, ' both');
    await allSee([ada, grace], PATH, [`${kept[0]} both`, ...kept.slice(1)]);
  });
}
