/**
 * Runs in a network of its own, started by `heal.mjs`: two places with a browser each, and in each a page of
 * every contestant, so that all of them meet the same cut. Prints the times as JSON.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { launchAt, PORT } from '../../tests/network/launch.mjs';
import { buildNetwork, MIDDLE } from '../../tests/network/network.mjs';
import { freshRoom, openPage, serveSite } from '../lib/site.mjs';

const { cut, runs, wait } = JSON.parse(process.argv[2]);
const SYSTEMS = ['ours', 'y-webrtc'];
const NAMES = ['ada', 'grace'];
/** Between two words, in milliseconds. */
const PAUSE = 200;
const PATH = 'mine';

const network = await buildNetwork();
network.join(true);
const server = await serveSite({ host: MIDDLE, port: PORT });
const browsers = await Promise.all([network.a, network.b].map(launchAt));

/** Two who have one document open, and have seen each other type. */
async function together(system) {
  const o = { system, room: freshRoom(), path: PATH, bytes: 0 };
  const pages = await Promise.all(browsers.map(one => openPage(one, server)));
  for (const page of pages) {
    await page.run('enter', o);
  }
  await pages[0].run('share', o);
  await pages[1].run('open', o);
  const couple = { pages };
  await hasAll(couple, await typeDuring(couple, pause(1_000)), wait);
  return couple;
}

/** Both type until `event` is over: all that each has typed so far. */
async function typeDuring({ pages }, event) {
  const typed = pages.map((page, i) =>
    page.run('typeWords', { path: PATH, name: NAMES[i], pause: PAUSE })
  );
  await event;
  await Promise.all(pages.map(page => page.run('stop')));
  const [ada, grace] = await Promise.all(typed);
  return { ada, grace };
}

/** When both have exactly these texts: the time of day, null if not within `wait`. */
async function hasAll({ pages }, texts, wait) {
  const o = { path: PATH, texts, wait };
  const times = await Promise.all(pages.map(page => page.run('haveTexts', o)));
  return times.includes(null) ? null : Math.max(...times);
}

/** Nothing of what the other typed in the end can have come. */
async function assertCut({ pages }, texts) {
  const seen = await pages[1].run('texts', { path: PATH, names: NAMES });
  if (seen.ada === texts.ada) {
    throw new Error('The network was not cut.');
  }
}

const times = Object.fromEntries(SYSTEMS.map(system => [system, []]));
for (let run = 0; run < runs; run++) {
  const couples = await Promise.all(SYSTEMS.map(together));
  await network.a.line({ loss: 1 });
  const texts = await Promise.all(
    couples.map(couple => typeDuring(couple, pause(cut * 1_000)))
  );
  await Promise.all(couples.map((one, i) => assertCut(one, texts[i])));
  const back = Date.now();
  await network.a.line({});
  const whole = await Promise.all(
    couples.map((couple, i) => hasAll(couple, texts[i], wait))
  );
  SYSTEMS.forEach((system, i) =>
    times[system].push(whole[i] === null ? null : whole[i] - back)
  );
  const pages = couples.flatMap(couple => couple.pages);
  await Promise.all(pages.map(page => page.close()));
}
await Promise.all(browsers.map(browser => browser.close()));
await server.stop();
await network.close();
console.log(JSON.stringify(times));
