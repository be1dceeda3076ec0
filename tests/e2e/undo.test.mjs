/** Undo takes back what one did oneself: by keyboard, in cells, in whole notebooks and in texts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook, occurrences } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';

const stage = await useStage();
const PATH = 'undo.ipynb';
const TEXT = 'undo.txt';
const files = { [PATH]: notebook('first', 'second'), [TEXT]: 'start\n' };

async function two(path, settings) {
  const people = await stage.persons(['ada', 'grace'], { files, settings });
  const room = freshRoom();
  await Promise.all(people.map(one => one.open(path, { room })));
  await Promise.all(people.map(one => one.meets(1)));
  return [...people, room];
}

/** More often than there is anything to undo. */
async function undoAll(one, path, cell = 0) {
  await one.enter(path, cell);
  for (let n = 0; n < 8; n++) {
    await one.page.keyboard.press('Control+z');
  }
}

const tracker = documentWideUndoRedo => ({
  '@jupyterlab/notebook-extension:tracker': {
    documentWideUndoRedo
  }
});

for (const wide of [false, true]) {
  test(`in a notebook, ${wide ? 'document-wide' : 'by cell'}`, async () => {
    const [ada, grace, room] = await two(PATH, tracker(wide));
    const isWide = await ada.run(
      PATH,
      (_, model) => !model.disableDocumentWideUndoRedo
    );
    assert.equal(isWide, wide, 'the setting has no effect');
    await ada.type(PATH, ' ada');
    await grace.sees(PATH, 'first ada');
    await grace.type(PATH, ' grace');
    await ada.sees(PATH, 'first ada grace');
    await undoAll(ada, PATH);
    await grace.seesSources(PATH, ['first grace', 'second']);
    await undoAll(ada, PATH, 1);
    await grace.seesSources(PATH, ['first grace', 'second']);
    // A cell that one inserted and the other wrote in.
    await ada.enter(PATH, 1);
    await ada.page.keyboard.press('Escape');
    await ada.page.keyboard.press('b');
    await grace.seesSources(PATH, ['first grace', 'second', '']);
    await grace.type(PATH, 'hers', 2);
    await ada.sees(PATH, 'hers');
    await ada.command('notebook:undo-cell-action');
    await ada.seesSources(PATH, ['first grace', 'second', 'hers']);
    // Neither does what was loaded go after a reload.
    await ada.save(PATH);
    await ada.goto(PATH, { room });
    await ada.isOpen(PATH);
    await undoAll(ada, PATH);
    await ada.command('notebook:undo-cell-action');
    await ada.seesSources(PATH, ['first grace', 'second', 'hers']);
    await grace.seesSources(PATH, ['first grace', 'second', 'hers']);
  });
}

test('in a text', async () => {
  const [ada, grace] = await two(TEXT);
  await undoAll(grace, TEXT);
  await grace.seesSources(TEXT, 'start\n');
  await ada.type(TEXT, 'by ada ');
  await grace.sees(TEXT, 'by ada ');
  await grace.type(TEXT, 'by grace ');
  await ada.sees(TEXT, 'by grace ');
  await undoAll(ada, TEXT);
  await grace.seesSources(TEXT, 'start\nby grace ');
  await ada.page.keyboard.press('Control+Shift+z');
  assert.equal(occurrences(await ada.sources(TEXT), 'by grace '), 1);
});
