/**
 * Hundreds of page loads, each of which types a word: how many clients the document has after that, what
 * its state vector weighs, and what opening it costs. In one browser tab the client id is used again; in
 * a new tab each time there is a new one, as with any Yjs application.
 */
import { freshRoom } from '../lib/site.mjs';
import { watchThread } from '../lib/thread.mjs';
import { median, ratio, spread } from '../lib/figures.mjs';

const LOADS = 300;
const WORD = 'a word '.length;
const OPENINGS = 5;

export async function loads(site) {
  const one = await visits(site, 'ours', false);
  const many = await visits(site, 'ours', true);
  const theirs = await visits(site, 'y-indexeddb', false);
  const told = ({ clients, bytes }) => `${clients} clients, ${bytes} bytes`;
  return [
    {
      measure: `${LOADS} page loads of one browser tab: state vector`,
      ours: told(one),
      'y-webrtc': `y-indexeddb ${told(theirs)}`,
      target: 'does not grow',
      met: one.clients === 1
    },
    { measure: '— each in a new tab', ours: told(many) },
    {
      measure: '— words lost, of pages that go at once',
      ours: `${one.lost + many.lost} of ${2 * LOADS}`,
      target: 'none',
      met: one.lost + many.lost === 0
    },
    {
      measure: '— opening it then: main thread',
      ours: `${spread(one.opening, 'ms')}; of new tabs ${spread(many.opening, 'ms')}`,
      'y-webrtc': `y-indexeddb ${spread(theirs.opening, 'ms')}`,
      'to y-webrtc': ratio(median(one.opening), median(theirs.opening))
    }
  ];
}

async function visits(site, system, newTabs) {
  const { run, page, reload, close } = await site.page({ load: false });
  const o = { system, room: freshRoom() };
  let last;
  for (let load = 1; load <= LOADS; load++) {
    last = await run('visit', { ...o, load });
    if (newTabs) {
      await page.evaluate(() => window.sessionStorage.clear());
    }
    await reload();
  }
  const thread = await watchThread(page);
  const opening = [];
  for (let i = 0; i < OPENINGS; i++) {
    const before = await thread.spent();
    await run('reopen', o);
    opening.push((await thread.spent()) - before);
    await reload();
  }
  await close();
  // The page goes right after it has typed, and the browser may not take its last write.
  return { ...last, lost: LOADS - last.length / WORD, opening };
}
