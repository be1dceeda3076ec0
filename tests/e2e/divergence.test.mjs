/**
 * Histories that diverged, and loading that takes long: what jupyter-collaboration's tests of divergent
 * histories (`tests/test_documents.py`, `ui-tests/tests/conflict.spec.ts`) and of its load timeout
 * (`yprovider.spec.ts`) assert, for rooms without a server.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import WebSocket from 'ws';
import { allAgree, allSee, undisturbed } from './crowd.mjs';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';

/** All that somebody has at a path, or as a copy of it, as one text. */
async function everythingOf(one) {
  const copies = (await one.files()).filter(path => /mine/.test(path));
  const files = await Promise.all(copies.map(path => one.file(path)));
  return JSON.stringify([await one.sources(PATH), files]);
}

/** Grace keeps her page; everything else that knew of the room is gone, and Kay makes it anew. */
async function roomMadeAnew(files) {
  const signaling = await stage.signaling();
  const { config } = signaling;
  const [ada, grace] = await stage.persons(['ada', 'grace'], {
    files: { [PATH]: notebook('') },
    config
  });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await ada.paste(PATH, 'x = 1');
  await grace.sees(PATH, 'x = 1');
  await signaling.stop();
  await ada.page.goto('about:blank');
  await grace.meets(0);
  await grace.paste(PATH, ' # by grace');
  const kay = await stage.person('kay', { files, config });
  await kay.open(PATH, { room });
  await signaling.start();
  await Promise.all([grace.meets(1), kay.meets(1)]);
  return { grace, kay };
}

test('a room that is made anew from the same file goes on with the same history', async () => {
  const { grace, kay } = await roomMadeAnew({ [PATH]: notebook('') });
  await allSee([grace, kay], PATH, ['x = 1 # by grace']);
  assert.deepEqual(kay.dialogs, []);
  assert.deepEqual(
    (await grace.files()).filter(path => /copy/.test(path)),
    [],
    'a copy of what was merged'
  );
});

test('a room that is made anew from a file of another structure loses neither', async () => {
  const first = {
    source: 'print("new cell")',
    metadata: { trusted: true, collapsed: false, scrolled: false }
  };
  const { grace, kay } = await roomMadeAnew({ [PATH]: notebook(first, '') });
  await allAgree([grace, kay], PATH);
  await eventually(async () => {
    assert.match(await everythingOf(grace), /x = 1 # by grace/);
    assert.match(await everythingOf(kay), /new cell/);
  });
  await grace.type(PATH, ' goes on');
  await kay.sees(PATH, ' goes on');
  assert.deepEqual([...grace.dialogs, ...kay.dialogs], []);
});

test('somebody who listens and never answers: it is said, the document opens, and who comes is met', async () => {
  const files = { [PATH]: notebook('first') };
  const room = freshRoom();
  const prefix = 'jupyterlite-webrtc-on-localhost';
  const topic = createHash('sha256').update(`${prefix}-${room}`).digest('hex');
  const silent = new WebSocket(stage.server.signaling);
  await new Promise((resolve, reject) => {
    silent.on('open', resolve);
    silent.on('error', reject);
  });
  silent.send(JSON.stringify({ type: 'subscribe', topics: [topic] }));
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  await ada.open(PATH, { room });
  await ada.noticed(/Looking for the others/);
  await ada.type(PATH, ' by ada');
  await grace.open(PATH, { room });
  await allSee([ada, grace], PATH, ['first by ada']);
  await undisturbed([ada, grace]);
  silent.terminate();
});

test('nobody is kept waiting, and nothing is said, where the others answer', async () => {
  const files = { [PATH]: notebook('first') };
  const room = freshRoom();
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  await ada.open(PATH, { room });
  await grace.open(PATH, { room });
  await grace.meets(1);
  const waits = grace.notices.filter(notice => /error|reload/i.test(notice));
  assert.deepEqual([...waits, ...grace.dialogs], []);
  await undisturbed([ada, grace]);
});
