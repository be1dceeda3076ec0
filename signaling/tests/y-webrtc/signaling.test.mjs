// y-webrtc's own clients against this server.
//
//   SIGNALING_BIN=target/debug/jupyterlite-webrtc-signaling node --test signaling/tests/y-webrtc/signaling.test.mjs
//
// y-webrtc, yjs and ws come from the repository's node_modules. Nothing here sleeps: every step
// waits for the event it needs, and a test that waits too long fails.

import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const binary = process.env.SIGNALING_BIN;
const clientScript = fileURLToPath(new URL('client.mjs', import.meta.url));
const timeout = 30_000;

let server;
let url;

before(async () => {
  assert.ok(binary, 'SIGNALING_BIN is the path of the server to test');
  // Asking in a loop must not meet the rate limit on a slow machine.
  const flags = [
    '--port',
    '0',
    '--log',
    'warn',
    '--message-burst',
    '4000000000'
  ];
  server = spawn(binary, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [address] = await once(
    createInterface({ input: server.stdout }),
    'line'
  );
  url = `ws://${address}`;
});

after(() => server?.kill());

/** A y-webrtc client in its own process. What it reports is kept, so that nothing is missed. */
class Client {
  constructor(t, room, password = '') {
    this.reports = [];
    this.process = fork(clientScript, [url, room, password]);
    this.process.on('message', report => this.reports.push(report));
    this.process.on('exit', () => this.reports.push({ event: 'exit' }));
    t.after(() => this.process.kill('SIGKILL'));
  }

  /** The first report for which `matches` is true. It and those before it are taken away. */
  async next(matches) {
    // Listens before it looks, so a report cannot fall in between.
    const arrivals = on(this.process, 'message', {
      signal: AbortSignal.timeout(timeout)
    });
    for (;;) {
      const found = this.reports.findIndex(matches);
      if (found >= 0) {
        await arrivals.return();
        return this.reports.splice(0, found + 1).at(-1).value;
      }
      const exited = this.reports.some(report => report.event === 'exit');
      assert.ok(!exited, 'the client ended');
      await arrivals.next();
    }
  }

  of(event, test = () => true) {
    return this.next(report => report.event === event && test(report.value));
  }

  send(message) {
    this.process.send(message);
  }
}

for (const [kind, password] of [
  ['open', ''],
  ['encrypted', 'secret']
]) {
  test(
    `two clients in one ${kind} room find each other`,
    { timeout },
    async t => {
      const room = `find-${kind}`;
      const alice = new Client(t, room, password);
      const aliceId = await alice.of('connected');
      // Only when her own announcement has come back is she surely subscribed.
      const echo = await alice.of(
        'message',
        message => message.type === 'publish'
      );
      assert.equal(echo.topic, room);
      assert.equal(echo.clients, 1);

      const bob = new Client(t, room, password);
      const bobId = await bob.of('connected');
      // Bob's announcement reaches Alice, and her offer in answer reaches Bob.
      assert.equal(await alice.of('peer'), bobId);
      assert.equal(await bob.of('peer'), aliceId);
    }
  );
}

test('clients in different rooms do not meet', { timeout }, async t => {
  const alice = new Client(t, 'room-a');
  const bob = new Client(t, 'room-b');
  for (const [client, room] of [
    [alice, 'room-a'],
    [bob, 'room-b']
  ]) {
    const echo = await client.of(
      'message',
      message => message.type === 'publish'
    );
    assert.deepEqual([echo.topic, echo.clients], [room, 1]);
  }
});

test('a ping is answered with a pong', { timeout }, async t => {
  const alice = new Client(t, 'ping');
  await alice.of('connected');
  alice.send({ type: 'ping' });
  await alice.of('message', message => message.type === 'pong');
});

test(
  'a client that was killed is not counted any more',
  { timeout },
  async t => {
    const topic = 'killed';
    const alice = new Client(t, topic);
    await alice.of('connected');
    const bob = new Client(t, topic);
    await bob.of('connected');
    const ask = async () => {
      alice.send({ type: 'publish', topic, question: true });
      return (await alice.of('message', message => message.question)).clients;
    };
    while ((await ask()) !== 2);
    bob.process.kill('SIGKILL');
    while ((await ask()) !== 1);
  }
);
