/** Every type of document: those of JupyterLab, and one that an extension brings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { TALLY } from './tally.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const settings = {
  '@jupyterlab/docmanager-extension:plugin': { autosave: false }
};

async function two(files, options) {
  const people = await stage.persons(['ada', 'grace'], {
    files,
    settings,
    ...options
  });
  const room = freshRoom();
  const [path] = Object.keys(files);
  await Promise.all(people.map(one => one.open(path, { room })));
  await Promise.all(people.map(one => one.meets(1)));
  await Promise.all(people.map(one => hasCheckpoint(one, path)));
  return people;
}

/** Right after it, and after showing the document, JupyterLab clears what could be undone. */
function hasCheckpoint(one, path) {
  return eventually(async () => {
    const checkpoints = await one.run(path, widget =>
      widget.context.listCheckpoints()
    );
    assert.equal(checkpoints.length, 1, `${one.name} has no checkpoint`);
  });
}

const TALLY_PATH = 'fruit.tally';
const counts = one => one.run(TALLY_PATH, (_, model) => model.source);
const count = (one, key) =>
  one.run(TALLY_PATH, (_, model, key) => model.count(key), key);
const sees = (one, expected) =>
  eventually(async () =>
    assert.deepEqual(await counts(one), expected, one.name)
  );

test('a type of an extension is edited by two, and saved by each', async () => {
  const files = { [TALLY_PATH]: '{"pears": 1, "apples": 2}' };
  const [ada, grace] = await two(files, { extension: TALLY });
  await Promise.all([count(ada, 'apples'), count(grace, 'pears')]);
  await count(grace, 'plums');
  const expected = { pears: 2, apples: 3, plums: 1 };
  await Promise.all([sees(ada, expected), sees(grace, expected)]);
  await ada.page
    .locator('.jp-Document', { hasText: '"plums":1' })
    .first()
    .waitFor();

  // The state is one's own.
  await ada.command('docmanager:save');
  await ada.isClean(TALLY_PATH);
  assert.deepEqual(await ada.file(TALLY_PATH), expected, "ada's file");
  assert.equal(
    await grace.run(TALLY_PATH, widget => widget.context.model.dirty),
    true,
    'grace was taken for saved'
  );
  // So is undoing.
  await ada.run(TALLY_PATH, (_, model) => model.undo());
  await sees(grace, { pears: 2, apples: 2, plums: 1 });
  await ada.run(TALLY_PATH, (_, model) => model.undo());
  await sees(grace, { pears: 2, apples: 2, plums: 1 });
  assert.deepEqual([...ada.dialogs, ...grace.dialogs], [], 'dialogs');
});

test('JSON, CSV, Markdown and code are text files, edited by two', async () => {
  const starts = {
    'page.md': '# Page\n',
    'data.json': '{"a": 1}\n',
    'table.csv': 'a,b\n1,2\n',
    'code.py': 'x = 1\n',
    'some.yaml': 'a: 1\n'
  };
  const [ada, grace] = await two(starts);
  for (const [path, start] of Object.entries(starts)) {
    for (const one of [ada, grace]) {
      // Tables and trees are shown by viewers, and edited here.
      await one.command('docmanager:open', { path, factory: 'Editor' });
      await one.isOpen(path);
    }
    await ada.run(path, (_, model) => model.updateSource(0, 0, 'A'));
    await grace.seesSources(path, `A${start}`);
    await grace.run(path, (_, model) => {
      const { length } = model.getSource();
      model.updateSource(length, length, 'Z');
    });
    await ada.seesSources(path, `A${start}Z`);
    await ada.command('docmanager:save');
    await ada.isClean(path);
    assert.equal(await ada.text(path), `A${start}Z`, `${path} on the drive`);
  }
  assert.deepEqual([...ada.dialogs, ...grace.dialogs], [], 'dialogs');
});

test('an image is opened and not shared', async () => {
  const pixel =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
  const ada = await stage.person('ada', { files: { 'a.txt': 'a' }, settings });
  await ada.open('a.txt', { room: freshRoom() });
  await ada.page.evaluate(async content => {
    const { contents } = window.jupyterapp.serviceManager;
    await contents.save('dot.png', { type: 'file', format: 'base64', content });
  }, pixel);
  await ada.openMore('dot.png');
  await ada.page.locator('.jp-ImageViewer img').waitFor();
  assert.equal(
    await ada.run('dot.png', (_, model) => model.getSource()),
    pixel
  );
  assert.deepEqual([...ada.dialogs, ...ada.warnings], []);
});

for (const [path, factory] of Object.entries({
  'table.csv': 'CSVTable',
  'page.md': 'Markdown Preview',
  'data.json': 'JSON'
})) {
  test(`${path} is shown, then edited: both are what others see`, async () => {
    const files = { 'other.ipynb': notebook('other'), [path]: '7' };
    const [ada, grace] = await two(files);
    await ada.command('docmanager:open', { path, factory: 'Editor' });
    await ada.isOpen(path);
    await grace.command('docmanager:open', { path, factory });
    await grace.isOpen(path);
    const shown = text =>
      grace.page
        .locator('.jp-MimeDocument, .jp-MarkdownViewer')
        .getByText(text)
        .first()
        .waitFor();
    const isText = factory !== 'CSVTable'; // which is a picture
    if (isText) {
      await shown('7'); // before that a viewer does not look for changes
    }
    await ada.run(path, (_, model) => model.updateSource(0, 0, '4'));
    if (isText) {
      await shown('47');
    }
    await grace.seesSources(path, '47');

    await grace.command('docmanager:open', { path, factory: 'Editor' });
    const editor = grace.page.locator('.jp-FileEditor .cm-content');
    await editor.click();
    await grace.page.keyboard.press('Control+End');
    await grace.page.keyboard.type('11');
    await ada.seesSources(path, '4711');
    await grace.command('docmanager:save');
    await grace.isClean(path);
    assert.equal(await grace.text(path), '4711', 'on the drive');
    assert.deepEqual([...ada.dialogs, ...grace.dialogs], [], 'dialogs');
  });
}
