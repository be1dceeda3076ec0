/** Two people edit one document. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdown, notebook, occurrences } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'shared.ipynb';
const START = notebook('1 + 1', markdown('# Title'), '"last"');

const [ada, grace] = await stage.persons(['ada', 'grace'], {
  files: { [PATH]: START, 'text.txt': 'one\ntwo\n', 'page.md': '# Page\n' }
});
ada.stays = grace.stays = true;
const room = freshRoom();
await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
await Promise.all([ada.meets(1), grace.meets(1)]);

/** Both see the same, and this is it. */
async function bothSee(path, expected) {
  await ada.seesSources(path, expected);
  await grace.seesSources(path, expected);
}

test('what each types in another cell is seen by both', async () => {
  await Promise.all([
    ada.type(PATH, ' // by ada', 0),
    grace.type(PATH, ' // by grace', 2)
  ]);
  await bothSee(PATH, ['1 + 1 // by ada', '# Title', '"last" // by grace']);
});

test('what both type in the same cell at the same time is there exactly once', async () => {
  await Promise.all([
    ada.type(PATH, ' ABCDEFGHIJ', 1),
    grace.type(PATH, ' klmnopqrst', 1)
  ]);
  const text = await eventually(async () => {
    const [a, b] = [await ada.sources(PATH), await grace.sources(PATH)];
    assert.deepEqual(a, b, 'ada and grace see different sources');
    assert.equal(a[1].length, '# Title'.length + 22, `both see ${a[1]}`);
    return a[1];
  });
  assert.equal(text.replace(/[^A-J]/g, ''), 'ABCDEFGHIJ', text);
  assert.equal(text.slice(7).replace(/[^k-t]/g, ''), 'klmnopqrst', text);
});

test('the cursor of the other is seen, with the name', async () => {
  await ada.enter(PATH, 0);
  const flag = grace.page.locator('.jp-remote-userFlag-name', {
    hasText: 'ada'
  });
  await ada.page.keyboard.type('/');
  await flag.waitFor();
  await grace.page.locator('.jp-remote-cursor').first().waitFor();
  await ada.page.keyboard.press('Backspace');
  assert.deepEqual(
    await grace.people(),
    ['ada'],
    'who grace sees in the panel'
  );
  assert.deepEqual(await ada.people(), ['grace'], 'who ada sees in the panel');
});

test('undo takes back what one typed oneself, and nothing else', async () => {
  await ada.type(PATH, ' ada-1', 0);
  await grace.sees(PATH, 'ada-1');
  await grace.type(PATH, ' grace-1', 0);
  await ada.sees(PATH, 'ada-1 grace-1');
  await ada.enter(PATH, 0);
  await eventually(async () => {
    await ada.page.keyboard.press('Control+z');
    const [source] = await ada.sources(PATH);
    assert.equal(occurrences(source, 'ada-1'), 0, `ada sees ${source}`);
  });
  const [source] = await ada.sources(PATH);
  assert.ok(source.includes('grace-1'), `ada sees ${source}`);
  await grace.seesSources(PATH, await ada.sources(PATH));
});

test('cells are inserted, moved and deleted for both', async () => {
  await ada.run(PATH, (_, model) =>
    model.cells.forEach((cell, i) => cell.setSource(`cell ${i}`))
  );
  await bothSee(PATH, ['cell 0', 'cell 1', 'cell 2']);

  await ada.enter(PATH, 0);
  await ada.page.keyboard.press('Escape');
  await ada.page.keyboard.press('b');
  await grace.seesSources(PATH, ['cell 0', '', 'cell 1', 'cell 2']);
  await grace.type(PATH, 'new', 1);
  await bothSee(PATH, ['cell 0', 'new', 'cell 1', 'cell 2']);

  await grace.page.keyboard.press('Escape');
  await grace.command('notebook:move-cell-up');
  await bothSee(PATH, ['new', 'cell 0', 'cell 1', 'cell 2']);
  await ada.enter(PATH, 3);
  await ada.page.keyboard.press('Escape');
  await ada.page.keyboard.press('d');
  await ada.page.keyboard.press('d');
  await bothSee(PATH, ['new', 'cell 0', 'cell 1']);

  // While one types in a cell, the other moves another one and deletes a third.
  await Promise.all([
    ada.type(PATH, ' typed meanwhile', 1),
    grace.run(PATH, (_, model) => model.moveCell(2, 0)),
    grace.run(PATH, (_, model) =>
      model.deleteCell(model.cells.findIndex(c => c.getSource() === 'new'))
    )
  ]);
  await bothSee(PATH, ['cell 1', 'cell 0 typed meanwhile']);
});

test('the output of a cell that one runs is seen by the other', async () => {
  await ada.run(PATH, (_, model) =>
    model.insertCell(0, { cell_type: 'code', source: '6 * 7' })
  );
  await grace.sees(PATH, '6 * 7');
  await ada.enter(PATH, 0);
  await ada.page.keyboard.press('Control+Enter');
  await grace.until(
    PATH,
    (_, model) =>
      JSON.stringify(model.getCell(0).getOutputs()).includes('"42"') &&
      model.getCell(0).execution_count === 1,
    undefined,
    'the output 42'
  );
  await grace.page
    .locator('.jp-OutputArea-output', { hasText: '42' })
    .waitFor();
  const outputs = await grace.run(PATH, (_, m) => m.getCell(0).getOutputs());
  assert.equal(outputs.length, 1, `grace sees ${JSON.stringify(outputs)}`);
});

for (const [path, first] of [
  ['text.txt', 'one\ntwo\n'],
  ['page.md', '# Page\n']
]) {
  test(`${path} is edited by both`, async () => {
    await Promise.all([ada.openMore(path), grace.openMore(path)]);
    await bothSee(path, first);
    await ada.type(path, 'by ada\n');
    await grace.sees(path, 'by ada');
    await grace.type(path, 'by grace\n');
    await bothSee(path, `${first}by ada\nby grace\n`);
  });
}

test('who closes the page is gone: no cursor, no name, no head counted', async () => {
  await Promise.all([ada.openMore(PATH), grace.openMore(PATH)]);
  await grace.enter(PATH, 0);
  await grace.page.keyboard.type('/');
  await ada.page
    .locator('.jp-remote-userFlag-name', { hasText: 'grace' })
    .first()
    .waitFor();
  await grace.page.close({ runBeforeUnload: false });
  await ada.meets(0);
  await eventually(async () => {
    assert.deepEqual(await ada.people(), [], 'who ada sees in the panel');
    const cursors = await ada.page.locator('.jp-remote-cursor').count();
    assert.equal(cursors, 0, `ada sees ${cursors} cursors of others`);
  });
});
