/**
 * Many people in one room: when the last of twenty sees what one types; how many connections a page has
 * for ten documents; what a room of ten costs while nobody does anything.
 */
import { median, ratio, short, tail } from '../lib/figures.mjs';
import { freshRoom, withPages } from '../lib/site.mjs';

const CROWD = 20;
const CLASS = 30;
const STROKES = 100;
const PAUSE = 100;
const TEN = 10;
/** y-webrtc makes a connection for every document and pair: with ten people the machine has enough. */
const FEW = 3;
const IDLE = 30_000;
const PATH = 'crowd';

export async function crowd(site) {
  const ours = await strokes(site, 'ours');
  const theirs = await strokes(site, 'y-webrtc');
  const idle = await idling(site);
  const few = await connections(site, 'y-webrtc', FEW);
  const storm = await joining(site);
  return [
    {
      measure: `${CLASS} people join at once: all have the document`,
      ours: `${short(storm.opened)} ms`
    },
    {
      measure: `— and everybody is connected to everybody`,
      ours: `${short(storm.acquainted)} ms`
    },
    {
      measure: `${CROWD} people: the last one sees a keystroke`,
      ours: tail(ours.delays),
      'y-webrtc': tail(theirs.delays),
      'to y-webrtc': ratio(median(ours.delays), median(theirs.delays)),
      target: '≤ 1× y-webrtc',
      met: median(ours.delays) <= median(theirs.delays)
    },
    {
      measure: `— one types 10 a second: processor time of a page`,
      ours: `${short(ours.share * 100)}% of a core, the worst ${short(ours.most * 100)}%`,
      'y-webrtc': `${short(theirs.share * 100)}%, the worst ${short(theirs.most * 100)}%`,
      'to y-webrtc': ratio(ours.share, theirs.share)
    },
    {
      measure: `${TEN} documents, ${TEN} people: connections of a page`,
      ours: `${idle.connections}`,
      'y-webrtc': `${few} with ${FEW} people`,
      target: `${TEN - 1}`,
      met: idle.connections === TEN - 1
    },
    {
      measure: `idle room of ${TEN}: processor time of a page`,
      ours: `${short(idle.share * 100)}% of a core, the worst ${short(idle.most * 100)}%`,
      'y-webrtc': `${short(idle.theirs * 100)}% with one document`,
      target: '< 1%',
      met: idle.share < 0.01
    }
  ];
}

/** A class opens one link: milliseconds until the last has the document, and all connections are there. */
async function joining(site) {
  return withPages(site, CLASS, async (...pages) => {
    const [author, ...others] = pages;
    const o = { system: 'ours', room: freshRoom(), path: PATH, bytes: 200_000 };
    await author.run('enter', o);
    await author.run('share', o);
    const began = performance.now();
    const open = async page => {
      await page.run('enter', o);
      await page.run('open', o);
    };
    await Promise.all(others.map(open));
    const opened = performance.now() - began;
    const acquainted = { ...o, others: CLASS - 1 };
    await Promise.all(pages.map(page => page.run('acquainted', acquainted)));
    return { opened, acquainted: performance.now() - began };
  });
}

/** Milliseconds from each keystroke until the last page has it, and what that costs. */
async function strokes(site, system) {
  return withPages(site, CROWD, async (...pages) => {
    const [author, ...others] = pages;
    await together(pages, system, [PATH]);
    await Promise.all(others.map(page => page.run('note', { path: PATH })));
    const o = { path: PATH, count: STROKES, pause: PAUSE };
    const [typed, cost] = await Promise.all([
      author.run('typeSlowly', o),
      site.idle(STROKES * PAUSE)
    ]);
    await author.page.waitForTimeout(2_000);
    const noted = await Promise.all(others.map(page => page.run('noted')));
    const last = i => Math.max(...noted.map(times => times[i]));
    return { delays: typed.map((at, i) => last(i) - at), ...cost };
  });
}

async function together(pages, system, paths) {
  const room = freshRoom();
  const [author, ...others] = pages;
  for (const page of pages) {
    await page.run('enter', { system, room });
  }
  for (const path of paths) {
    await author.run('share', { system, path, bytes: 0 });
    await Promise.all(others.map(page => page.run('open', { system, path })));
  }
  const acquainted = { system, others: pages.length - 1 };
  await Promise.all(pages.map(page => page.run('acquainted', acquainted)));
}

const paths = Array.from({ length: TEN }, (_, i) => `${PATH} ${i}`);

async function connections(site, system, people) {
  return withPages(site, people, async (...pages) => {
    await together(pages, system, paths);
    return median(await Promise.all(pages.map(open)));
  });
}

const open = ({ page }) => page.evaluate(() => window.connections());

/** With ten documents; y-webrtc with one. */
async function idling(site) {
  const ours = await withPages(site, TEN, async (...pages) => {
    await together(pages, 'ours', paths);
    const connections = Math.max(...(await Promise.all(pages.map(open))));
    return { connections, ...(await site.idle(IDLE)) };
  });
  const theirs = await withPages(site, TEN, async (...pages) => {
    await together(pages, 'y-webrtc', [PATH]);
    return site.idle(IDLE);
  });
  return { ...ours, theirs: theirs.share };
}
