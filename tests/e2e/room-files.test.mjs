/** The room's files in everybody's drive: they appear, move and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unasked, undisturbed } from './crowd.mjs';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first', 'second') };

/** Wait until somebody's drive has a file, or has it no more. */
function has(one, path, expected = true) {
  return eventually(async () => {
    const isThere = (await one.files()).includes(path);
    assert.equal(isThere, expected, `${path} on ${one.name}'s drive`);
  });
}

/** Two who show the document, and a third who has it from the room and shows something else. */
async function threePeople() {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  const kay = await stage.person('kay', {
    files: { 'other.ipynb': notebook('other') }
  });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await kay.open('other.ipynb', { room });
  await Promise.all([ada, grace, kay].map(one => one.meets(2)));
  await has(kay, PATH);
  return [ada, grace, kay];
}

test('a file of the room appears in a guest’s drive, and opens when its author has left', async () => {
  const ada = await stage.person('ada', { files });
  const grace = await stage.person('grace', {
    files: { 'other.ipynb': notebook('other') }
  });
  const room = freshRoom();
  await ada.open(PATH, { room });
  await grace.open('other.ipynb', { room });
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await has(grace, PATH);
  await has(ada, 'other.ipynb');
  await ada.paste(PATH, ' by ada');
  await ada.page.goto('about:blank');
  await grace.meets(0);
  await grace.openMore(PATH);
  await grace.seesSources(PATH, ['first by ada', 'second']);
  await undisturbed([grace]);
});

test('a rename goes to all drives, and open tabs follow', async () => {
  const [ada, grace, kay] = await threePeople();
  await ada.move(PATH, 'renamed.ipynb');
  for (const one of [ada, grace, kay]) {
    await has(one, 'renamed.ipynb');
    await has(one, PATH, false);
  }
  await Promise.all([ada, grace].map(one => one.isOpen('renamed.ipynb')));
  await grace.type('renamed.ipynb', ' by grace');
  await ada.sees('renamed.ipynb', 'first by grace');
  await kay.openMore('renamed.ipynb');
  await kay.sees('renamed.ipynb', 'first by grace');
  await grace.save('renamed.ipynb');
  await undisturbed([ada, grace, kay]);
});

test('what is moved and replaced while somebody sleeps: their tab follows, and nothing is copied', async () => {
  const signaling = await stage.signaling();
  const { config } = signaling;
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files, config });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await grace.paste(PATH, ' by grace');
  await ada.sees(PATH, 'first by grace');
  await ada.keeps(' by grace');

  // Grace's page hears of nobody, while Ada comes back and rearranges things.
  await signaling.stop();
  await ada.page.goto('about:blank');
  await grace.meets(0);
  await grace.paste(PATH, ' alone');
  await ada.open(PATH, { room });
  await ada.move(PATH, 'moved.ipynb');
  await ada.isOpen('moved.ipynb');
  await ada.write(PATH, notebook('new'));
  await ada.openMore(PATH);

  await signaling.start();
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await grace.isOpen('moved.ipynb');
  await ada.seesSources('moved.ipynb', ['first by grace alone', 'second']);
  await grace.seesSources('moved.ipynb', ['first by grace alone', 'second']);
  await grace.openMore(PATH);
  await grace.seesSources(PATH, ['new']);
  await unasked([ada, grace]);
});

test('what somebody deletes goes from drives where nobody wrote in it, and stays with who did', async () => {
  const [ada, grace, kay] = await threePeople();
  await grace.type(PATH, ' by grace');
  await ada.sees(PATH, 'first by grace');
  await ada.delete(PATH);
  await has(kay, PATH, false);
  await grace.noticed(/deleted “mine.ipynb”/);
  await grace.type(PATH, ' still');
  await grace.save(PATH);
  assert.equal(
    (await grace.file(PATH)).cells[0].source,
    'first by grace still'
  );
  assert.deepEqual(grace.dialogs, []);
});

test('what somebody makes or duplicates is there for all, and is a document of its own', async () => {
  const [ada, grace, kay] = await threePeople();
  const made = await ada.page.evaluate(async path => {
    const { commands } = window.jupyterapp;
    const { contents } = window.jupyterapp.serviceManager;
    const made = await commands.execute('docmanager:new-untitled', {
      type: 'file',
      ext: 'txt'
    });
    const copy = await contents.copy(path, '');
    return [made.path, copy.path];
  }, PATH);
  for (const path of made) {
    await ada.openMore(path);
    await has(kay, path);
  }
  const [fresh, copy] = made;
  await grace.openMore(copy);
  await grace.type(copy, ' in the copy');
  await ada.sees(copy, 'first in the copy');
  await ada.seesSources(PATH, ['first', 'second']);
  await kay.openMore(fresh);
  await kay.type(fresh, 'by kay');
  await ada.sees(fresh, 'by kay');
  await undisturbed([ada, grace, kay]);
});

test('two who rename one file at once end with one name', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  // The later one may find it moved already.
  await Promise.allSettled([
    ada.move(PATH, 'by-ada.ipynb'),
    grace.move(PATH, 'by-grace.ipynb')
  ]);
  await eventually(async () => {
    const [one, other] = await Promise.all([ada.files(), grace.files()]);
    const named = names => names.filter(name => /^by-/.test(name));
    assert.deepEqual(named(one), named(other));
    assert.equal(named(one).length, 1);
  });
  const [name] = (await ada.files()).filter(name => /^by-/.test(name));
  await Promise.all([ada, grace].map(one => one.isOpen(name)));
  await ada.type(name, ' by ada');
  await grace.sees(name, 'first by ada');
  await undisturbed([ada, grace]);
});
