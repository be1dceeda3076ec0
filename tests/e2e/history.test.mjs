/** What a room's history is for: reloads, crashes, days without network, and being forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unasked, undisturbed } from './crowd.mjs';
import { HISTORY, isKept } from './drive.mjs';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first', 'second') };

test('what was typed survives a crash, with nobody else there and nothing saved', async () => {
  const ada = await stage.person('ada', { files });
  const room = freshRoom();
  await ada.open(PATH, { room });
  await ada.paste(PATH, ' unsaved');
  await ada.keeps(' unsaved');
  await ada.crash();
  await ada.sitDown();
  await ada.open(PATH, { room });
  await ada.seesSources(PATH, ['first unsaved', 'second']);
  await undisturbed([ada]);
});

test('who edits without network and comes back is merged with those who went on', async () => {
  const signaling = await stage.signaling();
  const { config } = signaling;
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files, config });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await ada.paste(PATH, ' together');
  await grace.sees(PATH, 'first together');
  await grace.keeps(' together');

  // Grace's day: no server, no others, two reloads.
  await signaling.stop();
  await ada.page.goto('about:blank');
  await grace.open(PATH, { room });
  await grace.paste(PATH, ' by grace', 1);
  await grace.keeps(' by grace');
  await grace.open(PATH, { room });
  await grace.seesSources(PATH, ['first together', 'second by grace']);
  await grace.paste(PATH, ' again', 1);
  await grace.keeps(' again');
  await grace.page.goto('about:blank');

  // Ada's day, meanwhile.
  await ada.open(PATH, { room });
  await ada.paste(PATH, ' by ada');
  await ada.keeps(' by ada');

  await signaling.start();
  await grace.open(PATH, { room });
  await Promise.all([ada.meets(1), grace.meets(1)]);
  const both = ['first together by ada', 'second by grace again'];
  await ada.seesSources(PATH, both);
  await grace.seesSources(PATH, both);
  await unasked([ada, grace]);
});

test('a database that is deleted under the page is filled again', async () => {
  const ada = await stage.person('ada', { files });
  await ada.open(PATH, { room: freshRoom() });
  await ada.paste(PATH, ' before');
  await ada.keeps(' before');
  await ada.page.evaluate(
    name =>
      new Promise((resolve, reject) => {
        const request = window.indexedDB.deleteDatabase(name);
        request.onsuccess = resolve;
        request.onerror = reject;
      }),
    HISTORY
  );
  await ada.paste(PATH, ' after', 1);
  await ada.keeps(' after');
  await ada.keeps(' before');
  await undisturbed([ada]);
});

test('a room that is forgotten leaves nothing but the files', async () => {
  const ada = await stage.person('ada', { files });
  const room = freshRoom();
  await ada.open(PATH, { room });
  await ada.paste(PATH, ' secret');
  await ada.keeps(' secret');
  await ada.save(PATH);
  const forgetting = ada.command('jupyterlite-webrtc:forget');
  await ada.accept();
  await forgetting;
  await ada.noticed(/The room is forgotten/);
  assert.equal(await isKept(ada.page, ' secret'), false);
  assert.equal((await ada.file(PATH)).cells[0].source, 'first secret');
  await ada.sees(PATH, 'first secret');
});

test('a history that can’t be kept is told, and nothing else happens', async () => {
  const ada = await stage.person('ada', {
    files,
    init: () => {
      const { open } = window.indexedDB;
      window.IDBFactory.prototype.open = function (name, ...rest) {
        if (name.startsWith('jupyterlite-webrtc')) {
          throw new window.DOMException('No storage here.', 'UnknownError');
        }
        return open.call(this, name, ...rest);
      };
    }
  });
  const grace = await stage.person('grace', { files });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await ada.noticed(/can’t keep the room’s history/);
  await ada.type(PATH, ' by ada');
  await grace.sees(PATH, 'first by ada');
  await ada.save(PATH);
});

test('what was typed last is there again, though the browser wrote nothing any more', async () => {
  const ada = await stage.person('ada', { files });
  await ada.open(PATH, { room: freshRoom() });
  await ada.paste(PATH, ' kept');
  await ada.keeps(' kept');
  let text = 'first kept';
  for (const word of [' one', ' two']) {
    await ada.page.evaluate(() => {
      window.IDBTransaction.prototype.commit = function () {
        this.abort();
      };
    });
    await ada.paste(PATH, word);
    await ada.noticed(/can’t keep the room’s history/);
    await ada.reload(PATH);
    text += word;
    await ada.seesSources(PATH, [text, 'second']);
  }
  // It is in the database again, and nowhere else.
  await ada.keeps(' two');
  await eventually(async () => {
    const names = await ada.page.evaluate(() =>
      Object.keys(window.localStorage)
    );
    assert.deepEqual(
      names.filter(name => name.includes('last-words')),
      []
    );
  });
  await unasked([ada]);
});

test('page after page of a browser tab writes as one client, and its cursor is seen', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  const cursor = grace.page.locator('.jp-remote-userFlag-name', {
    hasText: 'ada'
  });
  const clients = () =>
    grace.run(PATH, (_, model) => [...model.ydoc.store.clients.keys()].sort());
  let before;
  for (let load = 1; load <= 3; load++) {
    await ada.type(PATH, ` load-${load}`);
    await grace.sees(PATH, ` load-${load}`);
    await cursor.waitFor();
    before ??= await clients();
    assert.deepEqual(await clients(), before, `after ${load} page loads`);
    await ada.reload(PATH);
    await ada.meets(1);
  }
  const text = Array.from({ length: 3 }, (_, i) => ` load-${i + 1}`).join('');
  await ada.seesSources(PATH, [`first${text}`, 'second']);
  await grace.seesSources(PATH, [`first${text}`, 'second']);

  // A page that crashes may have sent what it had not written down.
  await ada.type(PATH, ' crashing');
  await grace.sees(PATH, ' crashing');
  await ada.crash();
  await ada.sitDown();
  await ada.open(PATH, { room });
  await ada.meets(1);
  await ada.type(PATH, ' back');
  await grace.sees(PATH, `${text} crashing back`);
  assert.equal((await clients()).length, before.length + 1);
  await undisturbed([ada, grace]);
});
