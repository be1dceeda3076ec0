/** Opening a document, alone or not, with the same file or another: nothing is lost, nothing doubled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdown, notebook, occurrences } from './notebooks.mjs';
import { eventually } from './person.mjs';
import { freshRoom, useStage } from './site.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const COPY = 'mine (my copy).ipynb';
const SOURCES = ['first', '# second', 'third'];
const START = notebook('first', markdown('# second'), 'third');
const files = { [PATH]: START };

/** All see the same: exactly this, in some order of cells typed in. */
async function allSee(people, path, expected) {
  for (const one of people) {
    await one.seesSources(path, expected);
  }
}

/** Nobody got a copy, a warning or a dialog. */
async function undisturbed(people) {
  for (const one of people) {
    const copies = (await one.files()).filter(path => /copy/.test(path));
    assert.deepEqual(copies, [], `copies on ${one.name}'s drive`);
    assert.deepEqual(one.warnings, [], `what ${one.name} was told`);
    assert.deepEqual(one.dialogs, [], `what ${one.name} was asked`);
  }
}

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
    // The warning is taken back.
    await one.page.waitForFunction(
      () =>
        ![...document.querySelectorAll('.Toastify__toast')].some(toast =>
          toast.textContent.includes('signaling')
        )
    );
  }
});

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
