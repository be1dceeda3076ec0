/** One person's file: several tabs save it, and other things change it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook } from './notebooks.mjs';
import { eventually } from './waiting.mjs';
import { freshRoom, useStage } from './site.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const SOURCES = ['first', 'second', 'third'];
const files = { [PATH]: notebook(...SOURCES) };
const settings = seconds => ({
  '@jupyterlab/docmanager-extension:plugin': seconds
    ? { autosave: true, autosaveInterval: seconds }
    : { autosave: false }
});

async function two(seconds, { beside = false } = {}) {
  const ada = await stage.person('ada', { files, settings: settings(seconds) });
  const grace = await stage.person('grace', {
    settings: settings(seconds),
    ...(beside ? { beside: ada } : { files })
  });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  return [ada, grace, room];
}

const onDisk = async (one, path = PATH) =>
  (await one.file(path)).cells.map(cell => cell.source);

/** Somebody's file changes while it is open, and they save. Returns when JupyterLab asks, with the end of that. */
async function changedOutside(one) {
  await one.write(PATH, notebook('first', 'from outside', 'third'));
  await one.run(PATH, (_, model) => model.getCell(0).setSource('typed'));
  const save = one.command('docmanager:save').catch(() => undefined);
  await one.page.locator('.jp-Dialog', { hasText: 'File Changed' }).waitFor();
  return () => save; // a promise would be waited for
}

const answer = (one, label) =>
  one.page.locator('.jp-Dialog-button', { hasText: label }).click();

test('two tabs save the same file by turns, and nobody is asked about it', async () => {
  const [one, other] = await two(1, { beside: true });
  for (const n of [1, 2, 3]) {
    await one.type(PATH, ` one-${n}`, 0);
    await eventually(async () =>
      assert.match((await onDisk(other))[0], new RegExp(`one-${n}$`))
    );
    await other.type(PATH, ` other-${n}`, 2);
    await eventually(async () =>
      assert.match((await onDisk(one))[2], new RegExp(`other-${n}$`))
    );
    await Promise.all([one.isClean(PATH), other.isClean(PATH)]);
  }
  assert.deepEqual([...one.dialogs, ...other.dialogs], [], 'dialogs');
});

test('what one tab has saved, another does not write again', async () => {
  const [one, other] = await two(0, { beside: true });
  await one.type(PATH, ' typed');
  await other.sees(PATH, 'typed');
  await one.save(PATH);
  const written = await one.modified(PATH);
  assert.equal(
    await other.run(PATH, widget => widget.context.model.dirty),
    true,
    'the other tab has nothing to save'
  );
  await other.command('docmanager:save');
  await other.isClean(PATH);
  assert.equal(await one.modified(PATH), written, 'the file was written again');
  // A deletion is in no state vector, and is saved nevertheless.
  await other.run(PATH, (_, model) => model.getCell(0).updateSource(0, 5, ''));
  await one.seesSources(PATH, [' typed', 'second', 'third']);
  await other.command('docmanager:save');
  assert.deepEqual(await onDisk(one), [' typed', 'second', 'third']);
  assert.deepEqual([...one.dialogs, ...other.dialogs], [], 'dialogs');
});

test('leaving and sharing again raise no question', async () => {
  const [one, other] = await two(0, { beside: true });
  await one.type(PATH, ' typed');
  await other.sees(PATH, 'typed');
  await one.save(PATH);
  await other.command('docmanager:save');
  await one.type(PATH, ' more');
  await other.sees(PATH, 'more');
  await other.command('docmanager:save');
  await one.command('jupyterlite-webrtc:leave');
  await one.type(PATH, ' alone');
  await one.save(PATH);
  await one.share();
  await one.type(PATH, ' shared');
  await one.save(PATH);
  assert.deepEqual(one.dialogs, [], 'dialogs');
  assert.equal((await onDisk(one))[0], 'first typed more alone shared');
});

test('a file that is gone is saved anew', async () => {
  const [ada] = await two(0);
  await ada.page.evaluate(
    path => window.jupyterapp.serviceManager.contents.defaultDrive.delete(path),
    PATH
  );
  assert.ok(!(await ada.files()).includes(PATH), 'the file is still there');
  await ada.type(PATH, ' typed');
  await ada.save(PATH);
  assert.deepEqual(await onDisk(ada), ['first typed', 'second', 'third']);
  assert.deepEqual(ada.dialogs, [], 'dialogs');
});

test('changed outside, Revert: the change is brought in, and what others type stays', async () => {
  const [ada, grace] = await two(0);
  const saved = await changedOutside(ada);
  await grace.type(PATH, ' by grace', 2);
  await ada.sees(PATH, 'by grace');
  await answer(ada, 'Revert');
  await saved();
  await grace.sees(PATH, 'from outside');
  await grace.type(PATH, ' again', 1);
  await ada.sees(PATH, 'from outside again');
  await ada.save(PATH);
  assert.equal(ada.dialogs.length, 1, `asked ${ada.dialogs.length} times`);
  assert.deepEqual(await onDisk(ada), await grace.sources(PATH));
});

test('changed outside, Overwrite: what is on the screen is written', async () => {
  const [ada, grace] = await two(0);
  const saved = await changedOutside(ada);
  await grace.type(PATH, ' by grace', 2);
  await ada.sees(PATH, 'by grace');
  await answer(ada, 'Overwrite');
  await saved();
  const expected = ['typed', 'second', 'third by grace'];
  await eventually(async () => assert.deepEqual(await onDisk(ada), expected));
  await grace.seesSources(PATH, expected);
  await ada.type(PATH, ' on', 1);
  await ada.save(PATH);
  assert.equal(ada.dialogs.length, 1, `asked ${ada.dialogs.length} times`);
});

test('changed outside, Cancel: nothing happens, and the next save asks again', async () => {
  const [ada, grace] = await two(0);
  const saved = await changedOutside(ada);
  await answer(ada, 'Cancel');
  await saved();
  assert.deepEqual(await onDisk(ada), ['first', 'from outside', 'third']);
  assert.deepEqual(await ada.sources(PATH), ['typed', 'second', 'third']);
  await grace.seesSources(PATH, ['typed', 'second', 'third']);
  const again = ada.command('docmanager:save').catch(() => undefined);
  await eventually(() =>
    assert.equal(ada.dialogs.length, 2, 'not asked again')
  );
  await answer(ada, 'Overwrite');
  await again;
  assert.deepEqual(await onDisk(ada), ['typed', 'second', 'third']);
});

test('changed outside while it was closed: the change is brought into the room', async () => {
  const [ada, grace, room] = await two(0);
  await ada.type(PATH, ' typed');
  await grace.sees(PATH, 'typed');
  await ada.save(PATH);
  await ada.page.goto('about:blank');
  await grace.meets(0);
  await ada.own({ [PATH]: notebook('first typed', 'from outside', 'third') });
  await ada.open(PATH, { room });
  const expected = ['first typed', 'from outside', 'third'];
  await ada.seesSources(PATH, expected);
  await grace.seesSources(PATH, expected);
  assert.deepEqual(await ada.files(), [...new Set(await ada.files())]);
  assert.ok(
    !(await ada.files()).some(file => /my copy/.test(file)),
    `a copy was made: ${await ada.files()}`
  );
});

for (const when of ['before', 'after']) {
  test(`what one tab deletes, another that closed it ${when} that does not keep`, async () => {
    const [one, other] = await two(0, { beside: true });
    await one.type(PATH, ' by one');
    await other.sees(PATH, 'by one');
    await other.type(PATH, ' by other');
    await one.sees(PATH, 'by other');
    await other.save(PATH);
    await one.write('next.ipynb', notebook('next'));
    await Promise.all([one, other].map(tab => tab.openMore('next.ipynb')));
    const close = () => other.run(PATH, widget => widget.dispose());
    if (when === 'before') {
      await close();
      await one.delete(PATH);
    } else {
      await one.delete(PATH);
      await one.move('next.ipynb', 'heard.ipynb');
      await other.isOpen('heard.ipynb');
      await close();
    }
    // One thing after the other: who has heard of this has dealt with all before it.
    await one.move(
      when === 'before' ? 'next.ipynb' : 'heard.ipynb',
      'last.ipynb'
    );
    await other.isOpen('last.ipynb');
    const left = (await one.files()).filter(path => /mine/.test(path));
    assert.deepEqual(left, [], 'what was kept');
    assert.deepEqual([...one.warnings, ...other.warnings], [], 'notices');
  });
}
