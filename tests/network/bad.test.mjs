/** Lines that are slow and lose much, that are cut and come back, and pages that stand still for a while. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { notebook } from '../e2e/notebooks.mjs';
import { freshRoom } from '../e2e/site.mjs';
import { roundTrip } from './connections.mjs';
import { freeze } from './freeze.mjs';
import { useNetworkStage } from './stage.mjs';
import { timeUntilAllSee, typeDuring } from './typing.mjs';

const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('first', 'second', 'third') };

const seconds = (name, fallback) => Number(process.env[name] ?? fallback);

/** For how long nothing gets through: a browser waits so long for a connection to come back. */
const CUT = seconds('CUT', 10);

/** For how long the plug is pulled: the browser has given the connection up by then. */
const UNPLUGGED = seconds('UNPLUGGED', 25);

/**
 * For how long a page stands still: long enough for the other one and for the signaling server (which pings
 * after 30 seconds and waits for 10) to give it up.
 */
const FROZEN = seconds('FROZEN', 45);

const stage = await useNetworkStage();
const { network } = stage;

test('a slow line that loses much: all that two people write arrives', async () => {
  network.join(true);
  // The pages are loaded over a good line, and meet over the bad one.
  const signaling = await stage.signaling();
  await signaling.stop();
  const people = await stage.two({ files, config: signaling.config });
  const room = freshRoom();
  await Promise.all(people.map(one => one.open(PATH, { room })));
  await network.a.line({ delay: 0.1, loss: 0.05 });
  await signaling.start();
  await Promise.all(people.map(one => one.meets(1)));
  const [ada] = people;
  const large = '.'.repeat(100_000);
  await ada.paste(PATH, large, 2);
  const sources = await typeDuring(people, PATH, pause(5000));
  assert.ok((await roundTrip(ada)) >= 0.2, 'the line is slow');
  await timeUntilAllSee(people, PATH, sources, 'the last keystroke');
});

for (const [what, time, cut, mend] of [
  [
    'nothing gets through',
    CUT,
    () => network.a.line({ loss: 1 }),
    () => network.a.line({})
  ],
  [
    'the plug is pulled',
    UNPLUGGED,
    () => network.a.unplug(),
    () => network.a.plug()
  ]
]) {
  test(`${what} for ${time} s: what both write meanwhile is merged`, async () => {
    network.join(true);
    const people = await stage.together(PATH, { files });
    await cut();
    const sources = await typeDuring(people, PATH, pause(time * 1000));
    const seen = (await people[1].sources(PATH))[0];
    assert.doesNotMatch(seen, /ada2/, 'what grace sees during the cut');
    await mend();
    await timeUntilAllSee(people, PATH, sources, 'the network was back');
    const more = await typeDuring(people, PATH, pause(1000));
    await timeUntilAllSee(people, PATH, more, 'the last keystroke');
  });
}

test(`a page stands still for ${FROZEN} s: it has all when it goes on`, async () => {
  network.join(true);
  const people = await stage.together(PATH, { files });
  const [ada] = people;
  const thaw = await freeze(stage.far);
  const sources = await typeDuring([ada], PATH, pause(FROZEN * 1000)).finally(
    thaw
  );
  await timeUntilAllSee(people, PATH, sources, 'it went on');
  const more = await typeDuring(people, PATH, pause(1000));
  await timeUntilAllSee(people, PATH, more, 'the last keystroke');
});
