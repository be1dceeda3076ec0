/** Folders of the room, names that are taken, and files that are only listed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undisturbed } from './crowd.mjs';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { PATIENCE, eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first') };

/** Two in a room, each of whom shows a notebook of the first one. */
async function twoPeople() {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  return [ada, grace];
}

/** Wait until a folder of somebody's drive holds exactly this. */
function lists(one, folder, expected) {
  return eventually(async () => {
    const paths = await one.files(folder);
    assert.deepEqual(paths, expected, `in “${folder}” of ${one.name}'s drive`);
  });
}

/** The folder that somebody's file browser shows. */
function shownFolder(one) {
  return one.page
    .locator('#filebrowser .jp-BreadCrumbs-item')
    .last()
    .getAttribute('title');
}

test('a folder that somebody renames is renamed for all, with who looks at it', async () => {
  const [ada, grace] = await twoPeople();
  await ada.makeFolder('work');
  await ada.makeFolder('work/deep');
  await ada.write('work/a.ipynb', notebook('in the folder'));
  await ada.write('work/deep/b.txt', 'deep');
  await ada.openMore('work/a.ipynb');
  await ada.openMore('work/deep/b.txt');
  await lists(grace, 'work', ['work/a.ipynb', 'work/deep']);
  await lists(grace, 'work/deep', ['work/deep/b.txt']);
  await grace.openMore('work/a.ipynb');
  await grace.command('filebrowser:go-to-path', { path: 'work' });
  const root = await grace.files();

  await ada.move('work', 'plays');
  await Promise.all([ada, grace].map(one => one.isOpen('plays/a.ipynb')));
  const renamed = root.map(path => (path === 'work' ? 'plays' : path)).sort();
  for (const one of [ada, grace]) {
    await lists(one, '', renamed);
    await lists(one, 'plays', ['plays/a.ipynb', 'plays/deep']);
    await lists(one, 'plays/deep', ['plays/deep/b.txt']);
  }
  await eventually(async () =>
    assert.match(await shownFolder(grace), /plays/, 'what grace looks at')
  );
  await grace.type('plays/a.ipynb', ' by grace');
  await ada.sees('plays/a.ipynb', 'in the folder by grace');
  await grace.save('plays/a.ipynb');
  await undisturbed([ada, grace]);
});

test('a name of the room is not given twice', async () => {
  const [ada, grace] = await twoPeople();
  await ada.write('other.txt', 'other');
  await ada.openMore('other.txt');
  await grace.openMore('other.txt');
  const names = await grace.files();
  const refusal = /The room has “other.txt” already/;

  // In the file browser.
  await grace.page
    .locator('#filebrowser .jp-DirListing-item', { hasText: PATH })
    .click({ timeout: PATIENCE });
  await grace.page.keyboard.press('F2');
  const field = grace.page.locator('.jp-DirListing-editor');
  await field.fill('other.txt', { timeout: PATIENCE });
  await grace.page.keyboard.press('Enter');
  await grace.page
    .locator('.jp-Dialog', { hasText: refusal })
    .locator('button')
    .click({ timeout: PATIENCE });
  await grace.noticed(refusal);

  // The dialog of a document's tab shows no errors.
  await grace.command('docmanager:open', { path: PATH });
  const renaming = grace.command('docmanager:rename').catch(String);
  const dialog = grace.page.locator('.jp-Dialog input');
  await dialog.fill('other.txt', { timeout: PATIENCE });
  await grace.page.keyboard.press('Enter');
  assert.match(await renaming, refusal);
  assert.deepEqual(await grace.files(), names);
  await grace.type(PATH, ' by grace');
  await ada.sees(PATH, 'first by grace');
  assert.equal(await grace.text('other.txt'), 'other');
});

test('what is only listed, also in a folder that only the room has, is opened, renamed and duplicated', async () => {
  const [ada, grace] = await twoPeople();
  await ada.makeFolder('lib');
  for (const [name, text] of [
    ['a.py', 'a = 1'],
    ['b.py', 'b = 2'],
    ['c.py', 'c = 3']
  ]) {
    await ada.write(`lib/${name}`, text);
    await ada.openMore(`lib/${name}`);
  }
  await lists(grace, 'lib', ['lib/a.py', 'lib/b.py', 'lib/c.py']);
  assert.ok((await grace.files()).includes('lib'));

  await grace.move('lib/a.py', 'lib/tools.py');
  await ada.isOpen('lib/tools.py');
  await lists(ada, 'lib', ['lib/b.py', 'lib/c.py', 'lib/tools.py']);

  await grace.openMore('lib/b.py');
  await grace.paste('lib/b.py', ' + 2');
  await ada.sees('lib/b.py', 'b = 2 + 2');
  await grace.save('lib/b.py');
  assert.equal(await grace.text('lib/b.py'), 'b = 2 + 2');

  const copy = await grace.page.evaluate(async () => {
    const { contents } = window.jupyterapp.serviceManager;
    return (await contents.copy('lib/c.py', '')).path;
  });
  assert.equal(await grace.text(copy), 'c = 3');

  // To grace the one is a file of the drive, and the others are only listed.
  await grace.move('lib', 'library');
  const names = ['library/b.py', 'library/c.py', 'library/tools.py'];
  await Promise.all(names.map(name => ada.isOpen(name)));
  for (const one of [ada, grace]) {
    await lists(one, 'library', names);
    assert.ok(!(await one.files()).includes('lib'), `${one.name}'s old folder`);
  }
  await undisturbed([ada, grace]);
});
