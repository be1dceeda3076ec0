/** What a hostile peer, a stranger and the signaling server can't do. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { markdown, notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first', 'second') };

/** Runs `window.attacked()` where it is rendered as trusted HTML. */
const ATTACK =
  '<p class="attack">text</p><img src="x:" onerror="window.attacked = true"><script>window.attacked = true</script>';

test('a trusted cell of a peer runs nothing in the page of another', async () => {
  const [mallory, ada] = await stage.persons(['mallory', 'ada'], { files });
  const room = freshRoom();
  await Promise.all([mallory.open(PATH, { room }), ada.open(PATH, { room })]);
  await Promise.all([mallory.meets(1), ada.meets(1)]);
  const attacks = await mallory.run(
    PATH,
    (_, model, html) => {
      const output = {
        output_type: 'display_data',
        data: { 'text/html': html },
        metadata: {}
      };
      const cell = {
        cell_type: 'code',
        source: 'attack',
        metadata: { trusted: true },
        outputs: [output]
      };
      // As the interface does it, and past it, in the shared data themselves.
      model.insertCell(0, cell);
      model.insertCell(1, { ...cell, source: 'attack in the data' });
      model.ydoc.transact(() => {
        const { ymodel } = model.getCell(1);
        ymodel.set('trusted', true);
        ymodel.get('metadata').set('trusted', true);
      });
      model.insertCell(2, {
        cell_type: 'markdown',
        source: html,
        metadata: { trusted: true }
      });
      // Into a cell that the other has.
      model.cells.at(-1).setOutputs([output]);
      return 4;
    },
    ATTACK
  );
  await ada.sees(PATH, 'attack in the data');
  await ada.page.waitForFunction(
    attacks => document.querySelectorAll('p.attack').length === attacks,
    attacks
  );
  // Events of images that did not load would have come before those of one that is added now.
  await ada.page.evaluate(
    () =>
      new Promise(resolve => {
        const image = document.createElement('img');
        image.onerror = resolve;
        image.src = 'x:';
        document.body.append(image);
      })
  );
  assert.equal(
    await ada.page.evaluate(() => window.attacked),
    undefined,
    'the script of mallory ran in the page of ada'
  );
  // What she runs herself she trusts, and this page would have run the attack: the test means something.
  await ada.run(
    PATH,
    (widget, model, html) => {
      const cell = model.insertCell(0, { cell_type: 'code', source: '' });
      widget.content.model.cells.get(0).trusted = true;
      cell.setOutputs([
        {
          output_type: 'display_data',
          data: { 'text/html': html },
          metadata: {}
        }
      ]);
      widget.content.model.cells.get(0).trusted = true;
    },
    ATTACK
  );
  await ada.page.waitForFunction(() => window.attacked === true);
});

/** A client that is subscribed to a room's topic and knows no more. */
async function eavesdrop(url, topic) {
  const socket = new WebSocket(url);
  const heard = [];
  socket.on('message', data => heard.push(String(data)));
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const say = message => socket.send(JSON.stringify(message));
  say({ type: 'subscribe', topics: [topic] });
  return { heard, say, close: () => socket.close() };
}

test('a stranger who knows the topic hears nothing that can be read, and disturbs nobody', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace'], {
    files: { [PATH]: notebook('confidential', markdown('private')) }
  });
  await ada.open(PATH);
  const link = await ada.share();
  const room = new URL(link).searchParams.get('room');
  const topic = createHash('sha256')
    .update(`jupyterlite-webrtc-on-localhost-${room}`)
    .digest('hex');
  const stranger = await eavesdrop(stage.server.signaling, topic);
  await grace.follow(link);
  await grace.isOpen(PATH);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await ada.type(PATH, ' words');
  await grace.sees(PATH, 'confidential words');

  // Descriptions and addresses go by topics that only the two know; the server sees those too.
  assert.ok(stranger.heard.length > 0, 'the stranger is at the wrong topic');
  const passed = [...ada.sent, ...grace.sent].filter(
    frame => JSON.parse(frame).type === 'publish'
  );
  assert.ok(passed.length > 2, `the server saw ${passed.length} messages`);
  const secret = new URL(link).hash.slice('#k='.length);
  for (const message of [...stranger.heard, ...passed]) {
    const { type, topic: about, data, clients, ...rest } = JSON.parse(message);
    assert.deepEqual(rest, {}, 'further keys that the stranger heard');
    assert.deepEqual(
      [type, /^[0-9a-f]{64}$/.test(about), typeof data, typeof (clients ?? 0)],
      ['publish', true, 'string', 'number'],
      `the stranger heard ${message}`
    );
    const plain = [data, Buffer.from(data, 'base64').toString('latin1')].join();
    for (const word of [
      ...['candidate', 'sdp', 'a=', 'UDP', 'fingerprint', 'announce'],
      ...['ada', 'grace', 'confidential', PATH, room, secret, '127.0.0.1']
    ]) {
      // Two letters can be in any ciphertext.
      assert.ok(
        word.length < 4 || !plain.includes(word),
        `the stranger heard "${word}" in ${message}`
      );
    }
  }

  // What they say, or say again, is of no use.
  const replayed = stranger.heard.map(message => JSON.parse(message).data);
  for (const data of [
    ...replayed,
    { type: 'announce', from: 'stranger' },
    { type: 'signal', from: 'stranger', to: 'all', signal: { type: 'offer' } },
    'AAAA',
    '',
    null,
    7,
    'x'.repeat(60_000)
  ]) {
    stranger.say({ type: 'publish', topic, data });
  }
  await ada.type(PATH, ' more');
  await grace.sees(PATH, 'confidential words more');
  await grace.type(PATH, ' back');
  await ada.sees(PATH, 'back');
  assert.deepEqual(await ada.people(), ['grace'], 'who ada sees');
  await ada.meets(1);
  stranger.close();
});

test('a page with another secret in the room of the same name gets nothing', async () => {
  const ada = await stage.person('ada', { files });
  const [mallory, grace] = await stage.persons(['mallory', 'grace']);
  await ada.open(PATH);
  const link = await ada.share();
  await ada.type(PATH, ' confidential');
  const wrong = new URL(link);
  wrong.hash = `k=${'A'.repeat(43)}`;
  await mallory.follow(wrong.href);
  // Who has the secret gets everything meanwhile, so nothing is merely late.
  await grace.follow(link);
  await grace.isOpen(PATH);
  await grace.sees(PATH, 'confidential');
  await eventually(() =>
    assert.ok(
      mallory.dialogs.some(text => text.includes('does not exist')),
      `mallory was told ${JSON.stringify(mallory.dialogs)}`
    )
  );
  const files_ = await mallory.files();
  assert.ok(!files_.includes(PATH), `mallory has ${files_}`);
  assert.deepEqual(await mallory.people(), [], 'who mallory sees');
  assert.deepEqual(await ada.people(), ['grace'], 'who ada sees');
  await mallory.meets(0);
});
