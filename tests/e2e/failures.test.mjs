/** Servers that are gone, storage that is full, documents that are huge, another browser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSee } from './crowd.mjs';
import { notebook } from './notebooks.mjs';
import { launchFirefox } from './firefox.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first', 'second') };

test('signaling stops: who is connected goes on, and newcomers come when it is back', async () => {
  const signaling = await stage.signaling();
  const { config } = signaling;
  const [ada, grace, kay] = await stage.persons(['ada', 'grace', 'kay'], {
    files,
    config
  });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  // It goes, and it comes back, while both are typing.
  await Promise.all([
    ada.type(PATH, ' by ada'),
    grace.type(PATH, ' by grace', 1),
    signaling.stop()
  ]);
  const notice = /No signaling server can be reached/;
  await Promise.all([ada.shows(notice), grace.shows(notice)]);
  await allSee([ada, grace], PATH, ['first by ada', 'second by grace']);

  await Promise.all([
    ada.type(PATH, ' again'),
    grace.type(PATH, ' again', 1),
    signaling.start()
  ]);
  await Promise.all([ada.hides(notice), grace.hides(notice)]);
  await kay.open(PATH, { room });
  await Promise.all([ada, grace, kay].map(one => one.meets(2)));
  await allSee([ada, grace, kay], PATH, [
    'first by ada again',
    'second by grace again'
  ]);
  await kay.type(PATH, ' by kay');
  await ada.sees(PATH, 'by kay');
  await grace.sees(PATH, 'by kay');
  assert.deepEqual(
    (await kay.files()).filter(path => /copy/.test(path)),
    [],
    "copies on kay's drive"
  );
});

test('signaling that can’t be reached: the page is usable alone', async () => {
  const signaling = await stage.signaling();
  await signaling.stop();
  const ada = await stage.person('ada', { files, config: signaling.config });
  await ada.open(PATH, { room: freshRoom() });
  await ada.noticed(/No signaling server can be reached.* merged when/);
  await ada.type(PATH, ' alone');
  await ada.save(PATH);
  assert.equal((await ada.file(PATH)).cells[0].source, 'first alone');
  await ada.page.keyboard.press('Control+Enter');
  assert.deepEqual(ada.dialogs, [], 'what ada was asked');
  // It is tried again and again, and she is told once.
  await eventually(() => assert.ok(ada.sockets.length > 3, 'attempts'));
  assert.equal(ada.warnings.length, 1, `ada was told ${ada.warnings}`);
  const noise = ada.console.filter(line => /CLOSING or CLOSED/.test(line));
  assert.deepEqual(noise, [], 'what was said to sockets that never opened');
});

/** The small storages refuse at once, the large one when told to. */
function fullStorage() {
  const full = () => {
    throw new window.DOMException('Storage is full.', 'QuotaExceededError');
  };
  window.Storage.prototype.setItem = full;
  const { put, add } = window.IDBObjectStore.prototype;
  Object.assign(window.IDBObjectStore.prototype, {
    put(...args) {
      return window.isFull ? full() : put.apply(this, args);
    },
    add(...args) {
      return window.isFull ? full() : add.apply(this, args);
    }
  });
}

test('storage is full: the editor stays usable, and the other has everything', async () => {
  const ada = await stage.person('ada', { files, init: fullStorage });
  const grace = await stage.person('grace', { files });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  // JupyterLab's first checkpoint still finds room, or its error would be in the way.
  await ada.page.waitForFunction(async path => {
    const { contents } = window.jupyterapp.serviceManager;
    return (await contents.listCheckpoints(path)).length > 0;
  }, PATH);
  await ada.page.evaluate(() => (window.isFull = true));
  await ada.type(PATH, ' by ada');
  await grace.sees(PATH, 'first by ada');
  await grace.type(PATH, ' by grace', 1);
  await ada.sees(PATH, 'second by grace');
  await ada.noticed(/can’t keep the room’s history/);
  // She is told that her file was not saved, by JupyterLab, and goes on.
  const save = ada.command('docmanager:save').catch(() => undefined);
  await ada.page.locator('.jp-Dialog').first().waitFor();
  await ada.page.keyboard.press('Escape');
  await save;
  await ada.type(PATH, ' still');
  await grace.sees(PATH, 'first by ada still');
  await grace.save(PATH);
  ada.errors.length = 0; // JupyterLab's own, about its settings
});

test('40 MB reach who is there and who comes later, and typing flows meanwhile and while it is saved', async () => {
  const SIZE = 40_000_000;
  const LARGE = 'large.ipynb';
  const ada = await stage.person('ada', { files: { ...files } });
  const [grace, kay] = await stage.persons(['grace', 'kay']);
  const room = freshRoom();
  await ada.open(PATH, { room });
  await grace.open(PATH, { room });
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await ada.page.evaluate(
    async ([path, empty, size]) => {
      // Output that doesn't compress: 100 images of 400 kB.
      const random = bytes => {
        const array = new Uint8Array(bytes);
        for (let at = 0; at < bytes; at += 65536) {
          window.crypto.getRandomValues(array.subarray(at, at + 65536));
        }
        return window.btoa(
          Array.from(array, byte => String.fromCharCode(byte)).join('')
        );
      };
      const cells = Array.from({ length: 100 }, (_, index) => ({
        ...empty.cells[0],
        id: `large-${index}`,
        source: `image ${index}`,
        outputs: [
          {
            output_type: 'display_data',
            metadata: {},
            data: { 'application/x-test': random((size / 100) * 0.75) }
          }
        ]
      }));
      const { contents } = window.jupyterapp.serviceManager;
      await contents.save(path, {
        path,
        type: 'notebook',
        format: 'json',
        content: { ...empty, cells }
      });
    },
    [LARGE, notebook(''), SIZE]
  );
  const opening = ada.openMore(LARGE);
  // Typing in the small document goes on, both ways, until the large one is everywhere.
  const newcomer = opening.then(() => kay.goto(LARGE, { room }));
  const arrived = newcomer.then(() => kay.isOpen(LARGE));
  let done = false;
  arrived.finally(() => (done = true)).catch(() => undefined);
  let words = 0;
  let slowest = 0;
  while (!done || words < 5) {
    words++;
    const start = Date.now();
    const append = (_, model, text) =>
      model.getCell(0).setSource(model.getCell(0).getSource() + text);
    await ada.run(PATH, append, ` a${words}`);
    await grace.sees(PATH, ` a${words}`);
    await grace.run(PATH, append, ` g${words}`);
    await ada.sees(PATH, ` g${words}`);
    slowest = Math.max(slowest, Date.now() - start);
  }
  await arrived;
  console.log(`${words} round trips meanwhile, the slowest took ${slowest} ms`);

  const lengths = (_, model) =>
    model.cells.map(
      cell => cell.getOutputs()[0].data['application/x-test'].length
    );
  const sent = await ada.run(LARGE, lengths);
  assert.ok(sent.reduce((a, b) => a + b) >= SIZE, 'the notebook is smaller');
  assert.deepEqual(await kay.run(LARGE, lengths), sent, 'what kay received');
  await grace.openFromPeople(LARGE);
  assert.deepEqual(
    await grace.run(LARGE, lengths),
    sent,
    'what grace received'
  );
  await kay.run(LARGE, (_, model) => model.getCell(0).setSource('by kay'));
  await ada.sees(LARGE, 'by kay');
  await grace.sees(LARGE, 'by kay');

  await ada.enter(LARGE, 0);
  let text = 'by kay';
  const type = async () => {
    text += ' x';
    await ada.page.keyboard.type(' x');
  };
  await type();
  let isSaving = true;
  let meanwhile = 0;
  const saving = ada
    .run(LARGE, widget => widget.context.save())
    .finally(() => (isSaving = false));
  while (isSaving) {
    await type();
    meanwhile += isSaving ? 1 : 0;
  }
  await saving;
  await type();
  assert.ok(meanwhile >= 3, `only ${meanwhile} words while it was saved`);
  await grace.sees(LARGE, text);
  const isDirty = widget => widget.context.model.dirty;
  assert.ok(await ada.run(LARGE, isDirty), 'what came later counts as saved');
  await ada.save(LARGE);
  const file = await ada.file(LARGE);
  assert.deepEqual([file.cells[0].source].flat().join(''), text);
});

test('Firefox edits with Chromium', async t => {
  const firefox = await launchFirefox();
  if (!firefox) {
    t.skip('No Firefox was found. On Debian: apt install firefox-esr');
    return;
  }
  try {
    const ada = await stage.person('ada', { files });
    const room = freshRoom();
    await ada.open(PATH, { room });
    await ada.type(PATH, ' by ada');
    const address = new URL(`${stage.server.url}/lab/index.html`);
    address.search = `path=${PATH}&room=${room}&username=fay`;
    const fay = await firefox.newPage();
    await fay.goto(address.href, { waitUntil: 'domcontentloaded' });
    const source = await fay.waitForFunction(
      path => {
        const widget = [
          ...(window.jupyterapp?.shell.widgets('main') ?? [])
        ].find(one => one.context?.path === path);
        return (
          widget?.context.isReady &&
          widget.context.model.sharedModel.getCell(0).getSource()
        );
      },
      { timeout: 60_000 },
      PATH
    );
    assert.equal(await source.jsonValue(), 'first by ada', 'what fay sees');
    await ada.meets(1);
    const editor = await fay.waitForSelector('.jp-Notebook-cell .cm-content');
    await editor.click();
    await fay.keyboard.down('Control');
    await fay.keyboard.press('End');
    await fay.keyboard.up('Control');
    await fay.keyboard.type(' by fay');
    await ada.seesSources(PATH, ['first by ada by fay', 'second']);
    assert.deepEqual(await ada.people(), ['fay'], 'who ada sees');
  } finally {
    await firefox.close();
  }
});
