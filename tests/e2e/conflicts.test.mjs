/** Different files at one path: one is edited by all, and the other is kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allAgree, allSee } from './crowd.mjs';
import { markdown, notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { PATIENCE, eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const COPY = 'mine (my copy).ipynb';
const SOURCES = ['first', '# second', 'third'];
const files = { [PATH]: notebook('first', markdown('# second'), 'third') };
const OTHER = ['something else'];

/** Two who bring different files to one path. */
async function two(options) {
  return [
    await stage.person('ada', { files, ...options }),
    await stage.person('grace', {
      files: { [PATH]: notebook(...OTHER) },
      ...options
    })
  ];
}

async function isCopy(one, expected) {
  const copy = await eventually(() => one.file(COPY));
  assert.deepEqual(
    copy.cells.map(cell => cell.source),
    expected,
    `${one.name}'s copy`
  );
}

/**
 * Wait until both see one of the two notebooks, and who brought the other one has it as a copy. `adas`
 * and `graces` are what each had. Returns who won and who gave way, and what both see.
 */
async function oneGaveWay([ada, grace], adas, graces) {
  const seen = await allAgree([ada, grace], PATH);
  const adaWon = seen.length === adas.length;
  const [winner, loser] = adaWon ? [ada, grace] : [grace, ada];
  assert.deepEqual(seen, adaWon ? adas : graces, 'what both see');
  await isCopy(loser, adaWon ? graces : adas);
  await loser.noticed(/another version of “mine.ipynb”/);
  return { winner, loser, seen };
}

test('different files at one path: both are kept', async () => {
  const [ada, grace] = await two();
  const room = freshRoom();
  await ada.open(PATH, { room });
  await grace.open(PATH, { room });
  await grace.noticed(/another version of “mine.ipynb”.*“mine \(my copy\)/);
  await grace.seesSources(PATH, SOURCES);
  await isCopy(grace, OTHER);
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
  const people = await two();
  const room = freshRoom();
  await Promise.all(people.map(one => one.open(PATH, { room })));
  await Promise.all(people.map(one => one.meets(1)));
  const { winner } = await oneGaveWay(people, SOURCES, OTHER);
  assert.deepEqual(winner.warnings, [], `what ${winner.name} was told`);
});

for (const app of ['lab', 'notebooks']) {
  test(`different files, and a meeting that comes late (${app})`, async () => {
    const signaling = await stage.signaling();
    await signaling.stop();
    const people = await two({ config: signaling.config });
    const at = { room: freshRoom(), app };
    await Promise.all(people.map(one => one.open(PATH, at)));
    for (const one of people) {
      await one.type(PATH, ` by ${one.name}`);
    }
    await signaling.start();
    const { loser, seen } = await oneGaveWay(
      people,
      ['first by ada', ...SOURCES.slice(1)],
      ['something else by grace']
    );
    await loser.isOpen(PATH);
    await loser.meets(1);
    await loser.type(PATH, ' both');
    await allSee(people, PATH, [`${seen[0]} both`, ...seen.slice(1)]);
  });
}

/** Runs in a page: until `goOn()`, nothing is written that is a copy. */
function holdCopies() {
  const drive = window.jupyterapp.serviceManager.contents.defaultDrive;
  const save = drive.save.bind(drive);
  const gate = new Promise(resolve => (window.goOn = resolve));
  drive.save = async (path, file) => {
    if (/my copy/.test(path)) {
      window.isHeld = true;
      await gate;
    }
    return save(path, file);
  };
}

test('what is typed while a document gives way is kept, too', async () => {
  const signaling = await stage.signaling();
  await signaling.stop();
  const people = await two({ config: signaling.config });
  const room = freshRoom();
  await Promise.all(people.map(one => one.open(PATH, { room })));
  await Promise.all(people.map(one => one.page.evaluate(holdCopies)));
  await signaling.start();
  const isHeld = one =>
    one.page.waitForFunction(() => window.isHeld, null, { timeout: PATIENCE });
  const loser = await Promise.any(
    people.map(one => isHeld(one).then(() => one))
  );
  const before = await loser.sources(PATH);
  await loser.type(PATH, ' meanwhile');
  await loser.page.evaluate(() => window.goOn());
  await allAgree(people, PATH);
  await eventually(async () => {
    const copies = (await loser.files()).filter(path => /my copy/.test(path));
    const files = await Promise.all(copies.map(path => loser.file(path)));
    const first = files.map(({ cells }) => cells[0].source).sort();
    assert.deepEqual(first, [before[0], `${before[0]} meanwhile`]);
  });
  await loser.type(PATH, ' both');
  await allAgree(people, PATH);
});

/** Runs in a page: the tabs in their order, and which of them is current. */
function tabs() {
  const { shell } = window.jupyterapp;
  const paths = [...shell.widgets('main')].map(({ context }) => context?.path);
  return { paths, current: shell.currentWidget?.context?.path };
}

/** Type what would delete cells if it were commands, until the page was told, and some time longer. */
async function typesOn(one, path) {
  await one.enter(path);
  const isTold = () =>
    one.notices.some(notice => /another version/.test(notice));
  let typed = '';
  for (let rest = 60; rest > 0; rest -= isTold() ? 1 : 0) {
    await one.page.keyboard.type('dd ', { delay: 15 });
    typed += 'dd ';
    if (one.isOver) {
      break;
    }
  }
  return typed;
}

for (const front of ['front', PATH]) {
  const where = front === PATH ? 'it' : 'another one';
  test(`a document gives way while somebody types in ${where}: no key becomes a command`, async () => {
    const signaling = await stage.signaling();
    await signaling.stop();
    const people = await two({ config: signaling.config });
    const room = freshRoom();
    const fronts = people.map(one =>
      front === PATH ? PATH : `${one.name}.ipynb`
    );
    for (const [i, one] of people.entries()) {
      await one.open(PATH, { room });
      for (const path of [`${one.name}.ipynb`, `last of ${one.name}.ipynb`]) {
        await one.write(path, notebook(''));
        await one.openMore(path);
      }
      await one.openMore(fronts[i]);
    }
    const before = await Promise.all(
      people.map(one => one.page.evaluate(tabs))
    );
    const tries = people.map((one, i) => typesOn(one, fronts[i]));
    await signaling.start();
    const i = await Promise.race(
      people.map((one, i) => one.noticed(/another version/).then(() => i))
    );
    people[1 - i].isOver = true;
    const [, typed] = [await tries[1 - i], await tries[i]];
    const loser = people[i];
    assert.deepEqual(await loser.page.evaluate(tabs), before[i], 'the tabs');
    await allAgree(people, PATH);
    const sources = await loser.sources(PATH);
    const wanted = i === 0 ? OTHER.length : SOURCES.length;
    assert.equal(sources.length, wanted, `cells: ${JSON.stringify(sources)}`);
    if (front !== PATH) {
      await loser.seesSources(fronts[i], [typed]);
    }
  });
}
