/**
 * Opening a document again whose history of 100,000 edits is kept in the browser, with nobody else there:
 * what the page's main thread does from making the provider to the whole document, and what it does in
 * the seconds after (writing, compacting). The engine is fetched and compiled within that time.
 */
import { median, ratio, spread } from '../lib/figures.mjs';
import { freshRoom } from '../lib/site.mjs';
import { watchThread } from '../lib/thread.mjs';

const EDITS = 100_000;
const RUNS = 9;
const AFTERWARDS = 4_000;

export async function reopen(site) {
  const ours = await contestant(site, 'ours');
  const theirs = await contestant(site, 'y-indexeddb');
  // In turns, so that both meet the same machine.
  for (let run = 0; run < RUNS; run++) {
    await ours.reopen();
    await theirs.reopen();
  }
  await Promise.all([ours.close(), theirs.close()]);
  const row = (measure, name) => ({
    measure: `reopen 100,000 edits: ${measure}`,
    ours: spread(ours[name], 'ms'),
    'y-webrtc': `y-indexeddb ${spread(theirs[name], 'ms')}`,
    'to y-webrtc': ratio(median(ours[name]), median(theirs[name]))
  });
  return [
    {
      ...row('main thread', 'until'),
      target: '≤ 1× y-indexeddb',
      met: median(ours.until) <= median(theirs.until)
    },
    row('the same, and 4 s after', 'all'),
    row('time that passes', 'wall'),
    {
      measure: '— its log',
      ours: `${ours.log.records} records, ${ours.log.updates} updates`,
      'y-webrtc': `${theirs.log.records} records`
    }
  ];
}

/** Somebody with the document in their browser. */
async function contestant(site, system) {
  const { run, page, reload, close } = await site.page({ load: false });
  const o = { system, room: freshRoom(), edits: EDITS };
  await run('write', o);
  const log = await run('log', o);
  const thread = await watchThread(page);
  const [until, all, wall] = [[], [], []];
  const again = async () => {
    await reload();
    const before = await thread.spent();
    const { ms, length } = await run('reopen', o);
    until.push((await thread.spent()) - before);
    wall.push(ms);
    await page.waitForTimeout(AFTERWARDS);
    all.push((await thread.spent()) - before);
    if (length < EDITS / 2) {
      throw new Error(`${system}: only ${length} characters are there`);
    }
  };
  return { log, until, all, wall, reopen: again, close };
}
