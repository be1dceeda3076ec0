/** Everybody saves to their own drive, and JupyterLab's saving, reverting and checkpoints stay its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook, occurrences } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const SOURCES = ['first', 'second', 'third'];
const files = {
  [PATH]: notebook(...SOURCES),
  'crlf.txt': 'one\r\ntwo\r\n',
  'lf.txt': 'one\ntwo\n'
};
const autosave = seconds => ({
  '@jupyterlab/docmanager-extension:plugin': seconds
    ? { autosave: true, autosaveInterval: seconds }
    : { autosave: false }
});

/** Two people at one file. */
async function two(path = PATH) {
  const [ada, grace] = await Promise.all([
    stage.person('ada', { files, settings: autosave(0) }),
    stage.person('grace', { files, settings: autosave(0) })
  ]);
  const room = freshRoom();
  await Promise.all([ada.open(path, { room }), grace.open(path, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  return [ada, grace, room];
}

const isDirty = (one, path = PATH) =>
  one.run(path, widget => widget.context.model.dirty);

const onDisk = async one => {
  const { cells } = await one.file(PATH);
  return cells.map(cell => cell.source);
};

test('each saves their own file, and is told only of their own changes to save', async () => {
  const [ada, grace] = await two();
  await grace.type(PATH, ' by grace', 1);
  await ada.sees(PATH, 'by grace');
  for (const one of [ada, grace]) {
    assert.equal(await isDirty(one), true, `${one.name} has nothing to save`);
  }
  await ada.save(PATH);
  const edited = ['first', 'second by grace', 'third'];
  assert.deepEqual(await onDisk(ada), edited, "ada's file");
  assert.equal(await isDirty(grace), true, 'grace was taken for saved');
  assert.deepEqual(await onDisk(grace), SOURCES, "grace's file");
  await grace.save(PATH);
  assert.deepEqual(await onDisk(grace), edited, "grace's file after saving");
});

test('autosave saves what somebody else typed', async () => {
  const ada = await stage.person('ada', { files, settings: autosave(0) });
  const grace = await stage.person('grace', { files, settings: autosave(1) });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await ada.type(PATH, ' by ada');
  await eventually(async () =>
    assert.deepEqual(
      await onDisk(grace),
      ['first by ada', 'second', 'third'],
      "grace's file"
    )
  );
  assert.deepEqual(await onDisk(ada), SOURCES, "ada's file");
  assert.deepEqual([...ada.dialogs, ...grace.dialogs], [], 'dialogs');
});

for (const [name, command, questions] of [
  ['Reload from Disk', 'docmanager:reload', 1],
  ['Revert to Checkpoint', 'docmanager:restore-checkpoint', 2]
]) {
  test(`${name} while the other types: their typing is kept, nothing is doubled`, async () => {
    const [ada, grace] = await two();
    await ada.save(PATH); // makes the checkpoint
    await ada.type(PATH, ' unwanted');
    await grace.sees(PATH, 'unwanted');
    await ada.enter(PATH);
    const ask = ada.command(command);
    for (let question = 1; question < questions; question++) {
      await ada.accept(); // which checkpoint
    }
    await ada.page.locator('.jp-Dialog').first().waitFor();
    await grace.enter(PATH, 2);
    const typing = grace.page.keyboard.type(' one two three four five', {
      delay: 10
    });
    await ada.accept();
    await Promise.all([ask, typing]);
    await eventually(async () => {
      const [a, b] = [await ada.sources(PATH), await grace.sources(PATH)];
      assert.deepEqual(a, b, 'ada and grace see different notebooks');
      assert.equal(a.length, 3, `both see ${JSON.stringify(a)}`);
      assert.deepEqual(a.slice(0, 2), ['first', 'second'], 'what both see');
    });
    // What grace had typed when the file was read may be reverted, as the file has none of it. What
    // she typed after that is there, once and in its order.
    const third = (await grace.sources(PATH))[2];
    const end = third.slice('third'.length);
    assert.ok(third.startsWith('third'), `both see ${third}`);
    assert.ok(' one two three four five'.endsWith(end), `both see ${third}`);
  });
}

test('a revert by both at the same time', async () => {
  const [ada, grace] = await two();
  await Promise.all([ada.save(PATH), grace.save(PATH)]);
  await ada.run(PATH, (_, model) => {
    model.getCell(0).setSource('unwanted');
    model.deleteCell(1);
    model.insertCell(0, { cell_type: 'code', source: 'unwanted too' });
  });
  await grace.seesSources(PATH, ['unwanted too', 'unwanted', 'third']);
  const asks = [ada, grace].map(one => one.command('docmanager:reload'));
  await Promise.all([ada.accept(), grace.accept()]);
  await Promise.all(asks);
  await Promise.all([
    ada.seesSources(PATH, SOURCES),
    grace.seesSources(PATH, SOURCES)
  ]);
  await ada.type(PATH, ' again');
  await grace.seesSources(PATH, ['first again', 'second', 'third']);
});

for (const [path, end] of [
  ['crlf.txt', '\r\n'],
  ['lf.txt', '\n']
]) {
  test(`${path} keeps its line endings on both drives`, async () => {
    const [ada, grace] = await two(path);
    await ada.type(path, 'three\n');
    await grace.sees(path, 'three');
    await grace.type(path, 'four\n');
    await ada.seesSources(path, 'one\ntwo\nthree\nfour\n');
    for (const one of [ada, grace]) {
      await one.save(path);
      assert.equal(
        await one.file(path),
        ['one', 'two', 'three', 'four', ''].join(end),
        `${one.name}'s file`
      );
    }
    // Reverting brings nothing twice, and the endings stay.
    await ada.type(path, 'unwanted');
    const ask = ada.command('docmanager:reload');
    await ada.accept();
    await ask;
    await grace.seesSources(path, 'one\ntwo\nthree\nfour\n');
    await ada.type(path, 'five\n');
    await ada.save(path);
    assert.equal(occurrences(await ada.file(path), `four${end}five${end}`), 1);
  });
}

test('deleting all cells leaves both with one and the same', async () => {
  const [ada, grace] = await two();
  await ada.enter(PATH);
  await ada.page.keyboard.press('Escape');
  await ada.page.keyboard.press('Control+a');
  await ada.page.keyboard.press('d');
  await ada.page.keyboard.press('d');
  await Promise.all([
    ada.seesSources(PATH, ['']),
    grace.seesSources(PATH, [''])
  ]);
  await ada.type(PATH, 'a');
  await grace.seesSources(PATH, ['a']);
  await grace.type(PATH, 'b');
  await Promise.all([
    ada.seesSources(PATH, ['ab']),
    grace.seesSources(PATH, ['ab'])
  ]);
});
