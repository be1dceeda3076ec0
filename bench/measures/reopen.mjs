/**
 * Opening a document again whose history of 100,000 edits is kept in the browser, with nobody else there:
 * what the page's main thread does from making the provider to the whole document, and what it does in
 * the seconds after (writing, compacting). The engine is fetched and compiled within that time.
 */
import { median, ratio, spread } from '../lib/figures.mjs';
import { freshRoom } from '../lib/site.mjs';
import { watchThread } from '../lib/thread.mjs';

const EDITS = 100_000;
const RUNS = 7;
const AFTERWARDS = 4_000;

export async function reopen(site) {
  const ours = await contestant(site, 'ours');
  const theirs = await contestant(site, 'y-indexeddb');
  const row = (measure, unit, of) => ({
    measure: `reopen 100,000 edits: ${measure}`,
    ours: spread(of(ours), unit),
    'y-webrtc': `y-indexeddb ${spread(of(theirs), unit)}`,
    'to y-webrtc': ratio(median(of(ours)), median(of(theirs)))
  });
  return [
    {
      ...row('main thread', 'ms', ({ until }) => until),
      target: '≤ 1× y-indexeddb',
      met: median(ours.until) <= median(theirs.until)
    },
    row('the same, and 4 s after', 'ms', ({ all }) => all),
    row('time that passes', 'ms', ({ wall }) => wall),
    {
      measure: '— its log',
      ours: `${ours.log.records} records, ${ours.log.updates} updates`,
      'y-webrtc': `${theirs.log.records} records`
    }
  ];
}

async function contestant(site, system) {
  const { run, page, reload, close } = await site.page({ load: false });
  const o = { system, room: freshRoom(), edits: EDITS };
  const figures = { until: [], all: [], wall: [] };
  try {
    await run('write', o);
    figures.log = await run('log', o);
    const thread = await watchThread(page);
    for (let i = 0; i < RUNS; i++) {
      await reload();
      const before = await thread.spent();
      const { ms, length } = await run('reopen', o);
      figures.until.push((await thread.spent()) - before);
      figures.wall.push(ms);
      await page.waitForTimeout(AFTERWARDS);
      figures.all.push((await thread.spent()) - before);
      if (length < EDITS / 2) {
        throw new Error(`${system}: only ${length} characters are there`);
      }
    }
    return figures;
  } finally {
    await close();
  }
}
