/** Two people whose networks have no way from one to the other, with a TURN server and without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook } from '../e2e/notebooks.mjs';
import { freshRoom } from '../e2e/site.mjs';
import { paths, told } from './connections.mjs';
import { useCoturn } from './coturn.mjs';
import { MIDDLE } from './network.mjs';
import { useNetworkStage } from './stage.mjs';

const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first', 'second') };
const stage = await useNetworkStage();
const webRtcIceServers = await useCoturn(MIDDLE);
const relay = { webRtcIceServers, webRtcIceTransportPolicy: 'relay' };

async function editTogether([ada, grace]) {
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await Promise.all([
    ada.type(PATH, ' by ada'),
    grace.type(PATH, ' by grace', 1)
  ]);
  for (const one of [ada, grace]) {
    await one.seesSources(PATH, ['first by ada', 'second by grace']);
  }
}

async function openBoth(people) {
  const room = freshRoom();
  await Promise.all(people.map(one => one.open(PATH, { room })));
}

test('no TURN server: both are told that there is no way', async () => {
  const people = await stage.two({ files });
  const start = Date.now();
  await openBoth(people);
  await Promise.all(
    people.map(one => one.noticed(/no direct connection could be made.*TURN/))
  );
  console.log(`  told ${Date.now() - start} ms after the page was opened`);
  for (const [index, one] of people.entries()) {
    await one.meets(0);
    assert.deepEqual(await paths(one), [], `how ${one.name} reaches the other`);
    await one.type(PATH, ' alone', index);
    await one.sees(PATH, ' alone');
  }
});

test('a TURN server: they edit one notebook, over it', async () => {
  const people = await stage.two({ files, config: { webRtcIceServers } });
  await openBoth(people);
  await editTogether(people);
  for (const one of people) {
    const [path, ...others] = await paths(one);
    assert.ok(path.includes('relay'), `${one.name}'s path is ${path}`);
    assert.deepEqual(others, [], 'further connections');
    assert.deepEqual(one.warnings, [], `what ${one.name} was told`);
  }
});

test('relay only: where there is a direct way, no address is told and the way is not taken', async () => {
  stage.network.join(true);
  // What would happen otherwise.
  const open = await stage.two({ files, config: { webRtcIceServers } });
  await openBoth(open);
  await editTogether(open);
  assert.deepEqual(await paths(open[0]), [['host', 'host']]);
  assert.ok((await told(open[0])).join().includes(stage.network.b.address));
  await Promise.all(open.map(one => one.page.close()));

  const people = await stage.two({ files, config: relay });
  await openBoth(people);
  await editTogether(people);
  for (const one of people) {
    const all = await told(one);
    const candidates = all.filter(line => /candidate:/.test(line));
    assert.ok(candidates.length > 0, `${one.name} was sent candidates`);
    for (const line of candidates) {
      assert.match(line, / typ relay /, `what was sent to ${one.name}`);
    }
    for (const { address } of [stage.network.a, stage.network.b]) {
      assert.ok(!all.join().includes(address), `${address} is in ${all}`);
    }
    assert.deepEqual(await paths(one), [['relay', 'relay']]);
  }
});

test('one person with relay only, the other without: the path is relayed, her address not told', async () => {
  stage.network.join(true);
  const settings = {
    'jupyterlite-webrtc:plugin': { iceTransportPolicy: 'relay' }
  };
  const people = await stage.two(
    { files, config: { webRtcIceServers } },
    { settings }
  );
  await openBoth(people);
  await editTogether(people);
  const [ada, grace] = people;
  const all = (await told(ada)).join();
  assert.ok(!all.includes(stage.network.b.address), `ada was told ${all}`);
  const [[here]] = await paths(grace);
  assert.equal(here, 'relay', 'how grace sends');
});

test('relay only, and no TURN server: the person is told what is missing, and edits on', async () => {
  stage.network.join(true);
  const config = { webRtcIceTransportPolicy: 'relay' };
  const people = await stage.two({ files, config });
  await openBoth(people);
  for (const [index, one] of people.entries()) {
    await one.noticed(/needs a TURN server in "webRtcIceServers"/);
    await one.type(PATH, ' alone', index);
    await one.sees(PATH, ' alone');
    assert.deepEqual(await paths(one), [], `how ${one.name} reaches the other`);
    assert.doesNotMatch((await told(one)).join(), /candidate:|10\.77\./);
  }
});
