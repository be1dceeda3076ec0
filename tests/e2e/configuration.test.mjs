/** Where names, rooms and servers come from, and what is said of values that can't be used. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first') };
const plugin = settings => ({ 'jupyterlite-webrtc:plugin': settings });

/** Nobody listens at this port. */
const NOBODY = 'ws://localhost:9/signaling';

const meet = async (people, options, more) => {
  await Promise.all(people.map(one => one.open(PATH, options)));
  await Promise.all(people.map(one => one.meets(people.length - 1)));
  await people[0].type(PATH, more);
  await people[1].sees(PATH, more);
};

test('name and colour come from the link, else from the settings', async () => {
  const settings = plugin({ username: 'Countess', usercolor: '00aa00' });
  const ada = await stage.person('Ada Lovelace', { files, settings });
  const grace = await stage.person(null, { files, settings });
  const room = freshRoom();
  await Promise.all([
    ada.open(PATH, { room, query: { usercolor: '1e88e5' } }),
    grace.open(PATH, { room })
  ]);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  const { name, color, initials } = await ada.identity();
  assert.deepEqual(
    { name, color, initials },
    { name: 'Ada Lovelace', color: '#1e88e5', initials: 'AL' }
  );
  await eventually(async () => {
    assert.deepEqual(await ada.people(), ['Countess'], 'who ada sees');
    assert.deepEqual(await grace.people(), ['Ada Lovelace'], 'who grace sees');
  });
  const colour = await grace.identity();
  assert.equal(colour.color, '#00aa00', "grace's colour from the settings");
  await ada.type(PATH, '!');
  await grace.page
    .locator('.jp-remote-userFlag-name', { hasText: 'Ada Lovelace' })
    .waitFor();
  const cursor = grace.page.locator('.jp-remote-cursor').first();
  assert.match(
    await cursor.getAttribute('style'),
    /rgb\(30, 136, 229\)|#1e88e5/,
    "ada's cursor as grace sees it"
  );
});

test('a random name stays, and differs from that of the others', async () => {
  const [ada, grace] = await stage.persons([null, null], { files });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  const before = await ada.identity();
  assert.match(before.name, /^[A-Z][a-z]+ [A-Z][a-z]+$/);
  await ada.reload(PATH);
  const after = await ada.identity();
  assert.deepEqual(
    [after.name, after.color],
    [before.name, before.color],
    "ada's name and colour after a reload"
  );
  const other = await grace.identity();
  assert.notEqual(other.username, before.username);
});

for (const [key, config] of [
  ['fullWebRtcSignalingUrls', { fullWebRtcSignalingUrls: ['http://a.test/'] }],
  ['fullWebRtcSignalingUrls', { fullWebRtcSignalingUrls: 'not a URL' }],
  ['webRtcRoomPrefix', { webRtcRoomPrefix: 'short' }],
  ['webRtcIceServers', { webRtcIceServers: [{ urls: 'http://a.test/' }] }],
  ['webRtcIceServers', { webRtcIceServers: [{ urls: 'turn:a.test' }] }],
  ['webRtcIceTransportPolicy', { webRtcIceTransportPolicy: 'realy' }]
]) {
  test(`a notice names the key of ${JSON.stringify(config)}, and editing goes on`, async () => {
    const ada = await stage.person('ada', { files, config });
    await ada.open(PATH, { room: freshRoom() });
    await ada.noticed(new RegExp(key));
    await ada.type(PATH, ' on');
    await ada.save(PATH);
    assert.equal((await ada.file(PATH)).cells[0].source, 'first on');
    assert.deepEqual(ada.dialogs, [], 'what ada was asked');
  });
}

test('one of several signaling servers is enough, and an application may have its own', async () => {
  const { signaling } = stage.server;
  const ada = await stage.person('ada', {
    files,
    config: { fullWebRtcSignalingUrls: [NOBODY, signaling] }
  });
  const grace = await stage.person('grace', {
    files,
    config: { fullWebRtcSignalingUrls: [NOBODY] },
    appConfig: { lab: { fullWebRtcSignalingUrls: [signaling] } }
  });
  await meet([ada, grace], { room: freshRoom() }, ' by ada');
  assert.ok(!grace.sockets.includes(NOBODY), `grace opened ${grace.sockets}`);
});

test('room, prefix and servers from the settings, when the site names none', async () => {
  const config = { fullWebRtcSignalingUrls: undefined };
  const settings = plugin({
    room: freshRoom(),
    roomPrefix: 'a prefix of our own',
    signalingUrls: ['/signaling']
  });
  const people = await stage.persons(['ada', 'grace'], {
    files,
    config,
    settings
  });
  await meet(people, {}, ' by ada');
});
