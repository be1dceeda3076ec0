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

test('two who run one cell at once see one and the same output', async () => {
  const [ada, grace] = await two(LONG);
  for (const [one, name] of [
    [ada, 'ada'],
    [grace, 'grace']
  ]) {
    await one.run(
      PATH,
      (widget, _, name) =>
        widget.context.sessionContext.session.kernel
          .requestExecute({
            code: `globalThis.__me = ${JSON.stringify(name)}`
          })
          .done.then(() => true),
      name
    );
  }
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
