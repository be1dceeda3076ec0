/** Cells that several people run, and who leaves in the middle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook } from './notebooks.mjs';
import { eventually } from './waiting.mjs';
import { freshRoom, useStage } from './site.mjs';

const stage = await useStage();
const PATH = 'run.ipynb';

/** A cell that says bit by bit who ran it. The kernel runs apart from the page, so it may be busy. */
const LONG = `
for (let n = 1; n <= 8; n++) {
  console.log('line ' + globalThis.__me + ' ' + n);
  const end = Date.now() + 300;
  while (Date.now() < end);
}`;
const ENDLESS = 'for (;;);';

async function two(...sources) {
  const files = { [PATH]: notebook(...sources) };
  const people = await stage.persons(['ada', 'grace'], { files });
  const room = freshRoom();
  await Promise.all(people.map(one => one.open(PATH, { room })));
  await Promise.all(people.map(one => one.meets(1)));
  await Promise.all(people.map(kernelIsReady));
  return people;
}

const kernelIsReady = one =>
  one.until(
    PATH,
    widget => widget.context.sessionContext.session?.kernel?.status === 'idle',
    undefined,
    'an idle kernel'
  );

async function run(one, cell = 0) {
  await one.enter(PATH, cell);
  await one.page.keyboard.press('Control+Enter');
}

const state = (_, model) => model.getCell(0).executionState;
const isIdle = (_, model) => model.getCell(0).executionState === 'idle';

/** What a cell's outputs say, as a person sees them. */
const shown = one =>
  one.page
    .locator('.jp-Notebook-cell')
    .first()
    .locator('.jp-OutputArea-output');

test('others see that a cell runs, and by whom; and that nobody runs it once the page is gone', async () => {
  const [ada, grace] = await two(ENDLESS);
  await run(ada);
  await grace.page.locator('.jp-InputPrompt', { hasText: '[*]' }).waitFor();
  const badge = grace.page.locator('.jp-WebrtcRunning');
  await badge.waitFor();
  assert.equal(await badge.textContent(), 'ada');
  assert.equal(await badge.getAttribute('aria-label'), 'Run by ada');
  assert.equal(await ada.page.locator('.jp-WebrtcRunning').count(), 0);
  await ada.page.close({ runBeforeUnload: false });
  await grace.until(PATH, isIdle, undefined, 'an idle cell');
  await badge.waitFor({ state: 'detached' });
  assert.equal(
    await grace.page.locator('.jp-InputPrompt', { hasText: '[*]' }).count(),
    0
  );
});

/** What runs in somebody's kernel finds their name in `__me`. */
const kernelKnowsWhose = one =>
  one.run(
    PATH,
    (widget, _, name) =>
      widget.context.sessionContext.session.kernel
        .requestExecute({ code: `globalThis.__me = ${JSON.stringify(name)}` })
        .done.then(() => true),
    one.name
  );

test('two who run one cell at once see one and the same output', async () => {
  const [ada, grace] = await two(LONG);
  await Promise.all([ada, grace].map(kernelKnowsWhose));
  await Promise.all([run(ada), run(grace)]);
  const outputs = one => one.run(PATH, (_, m) => m.getCell(0).getOutputs());
  await eventually(async () => {
    for (const one of [ada, grace]) {
      assert.match(JSON.stringify(await outputs(one)), /line \w+ 8/);
    }
  });
  await Promise.all(
    [ada, grace].map(one => one.until(PATH, isIdle, undefined, 'an idle cell'))
  );
  const [a, b] = [await outputs(ada), await outputs(grace)];
  assert.deepEqual(a, b, 'ada and grace see different outputs');
  const text = a.map(output => output.text).join('');
  const [, winner] = text.match(/line (\w+) 8/);
  const expected = Array.from(
    { length: 8 },
    (_, n) => `line ${winner} ${n + 1}`
  );
  assert.deepEqual(text.trim().split('\n'), expected, 'what both see');
  for (const one of [ada, grace]) {
    const seen = (await shown(one).allInnerTexts()).join('\n');
    assert.deepEqual(seen.trim().split(/\s*\n\s*/), expected, one.name);
  }
});

test('a cell that ran when everybody left does not run for who comes later', async () => {
  const [ada, grace] = await two(ENDLESS);
  await run(ada);
  await grace.until(
    PATH,
    (_, model) => model.getCell(0).executionState === 'running',
    undefined,
    'a running cell'
  );
  await ada.page.close({ runBeforeUnload: false });
  await grace.until(PATH, isIdle, undefined, 'an idle cell');
  await grace.save(PATH);
  const room = freshRoom();
  await grace.open(PATH, { room });
  assert.equal(await grace.run(PATH, state), 'idle');
});

/** A cell that takes a while, with what comes before and after that. */
const slowly = (cell, before = '', after = '') => `
${before}
for (let n = 1; n <= 3; n++) {
  console.log('cell ${cell} line ' + globalThis.__me + ' ' + n);
  const end = Date.now() + 600;
  while (Date.now() < end);
}
${after}`;

/** Ada runs all cells, and Grace does so while Ada's first still runs. */
async function bothRunAll(names, ...sources) {
  const files = { [PATH]: notebook(...sources) };
  const people = await stage.persons(names, { files });
  const room = freshRoom();
  await Promise.all(people.map(one => one.open(PATH, { room })));
  await Promise.all(people.map(one => one.meets(names.length - 1)));
  await Promise.all(people.map(kernelIsReady));
  for (const one of people) {
    await one.enter(PATH, 0);
    await kernelKnowsWhose(one);
  }
  const [ada, grace] = people;
  for (const one of [ada, grace]) {
    one.command('notebook:run-all-cells').catch(() => undefined);
    await ada.until(PATH, hasOutput, one.name, `a line of ${one.name}`);
  }
  return people;
}

const hasOutput = (_, model, name) =>
  JSON.stringify(model.getCell(0).getOutputs()).includes(`line ${name}`);

/** What there is of each cell: outputs as text, count and state. */
const cells = one =>
  one.run(PATH, (_, model) =>
    model.cells.map(cell => [
      cell
        .getOutputs()
        .map(output => output.text ?? output.ename)
        .join(''),
      cell.execution_count !== null,
      cell.executionState
    ])
  );

const said = (cell, name) =>
  [1, 2, 3].map(n => `cell ${cell} line ${name} ${n}\n`).join('');

const FAILING = `if (globalThis.__me === 'grace') { throw new TypeError('no'); }`;

test('cells that a later run of all never began show the earlier run, for everybody', async () => {
  const people = await bothRunAll(
    ['ada', 'grace', 'eve'],
    slowly(0),
    slowly(1, FAILING),
    slowly(2),
    slowly(3)
  );
  const expected = [
    [said(0, 'grace'), true, 'idle'],
    ['TypeError', true, 'idle'],
    [said(2, 'ada'), true, 'idle'],
    [said(3, 'ada'), true, 'idle']
  ];
  for (const one of people) {
    await eventually(async () => assert.deepEqual(await cells(one), expected));
    const texts = await one.page
      .locator('.jp-Notebook-cell')
      .locator('.jp-OutputArea')
      .allInnerTexts();
    assert.match(texts[2], /cell 2 line ada 3/, one.name);
    assert.match(texts[3], /cell 3 line ada 3/, one.name);
    assert.doesNotMatch(texts.join(''), /(cell \d line ada 1)[^]*\1/, one.name);
  }
});

const STUCK = `if (globalThis.__me === 'grace') for (;;);`;

test('cells that who leaves never began go on to show the earlier run', async () => {
  const [ada, grace, eve] = await bothRunAll(
    ['ada', 'grace', 'eve'],
    slowly(0, '', STUCK),
    slowly(1),
    slowly(2)
  );
  await grace.page.close({ runBeforeUnload: false });
  for (const one of [ada, eve]) {
    await eventually(async () => {
      const [first, ...others] = await cells(one);
      assert.match(first[0], /^cell 0 line grace 1/);
      assert.equal(first[2], 'idle');
      assert.deepEqual(others, [
        [said(1, 'ada'), true, 'idle'],
        [said(2, 'ada'), true, 'idle']
      ]);
    });
  }
});
