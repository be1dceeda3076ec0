/**
 * The main thread: what the engine adds to Yjs when 40 MB arrive in an open document, and when they
 * leave. A page that is held up drops frames and keystrokes, whatever the network does.
 */
import { median, ratio, short, spread } from '../lib/figures.mjs';
import { freshRoom, withPages } from '../lib/site.mjs';

const BYTES = 40_000_000;
const RUNS = 3;
/** What follows an update, such as compacting, has followed after so many milliseconds. */
const AFTERWARDS = 5_000;
const LONGEST = 50;

export async function integration(site) {
  const arriving = [];
  const longest = [];
  const leaving = [];
  const applied = [];
  const inserted = [];
  for (let run = 0; run < RUNS; run++) {
    await withPages(site, 2, async (a, b) => {
      const system = 'ours';
      const room = freshRoom();
      const o = { system, path: 'live', bytes: BYTES, wait: 60_000 };
      await a.run('enter', { system, room });
      await b.run('enter', { system, room });
      await a.run('share', { ...o, bytes: 0 });
      await b.run('open', o);
      await b.run('watch', o);
      await b.run('record');
      const answer = b.run('answer', o);
      const { blocked } = await a.run('insert', o);
      await answer;
      const { total, longest: one } = await b.run('recorded');
      arriving.push(total - (await b.run('transactions')));
      longest.push(one);
      leaving.push(blocked);
      applied.push(await b.run('apply', { ...o, heard: true }));
      inserted.push(await a.run('insertAlone', o));
    });
  }
  const tasks = await longestTasks(site);
  const sent = leaving.map((ms, i) => Math.max(0, ms - inserted[i]));
  return [
    {
      measure: '40 MB arrive: the engine, beside Y.applyUpdate',
      ours: spread(arriving, 'ms'),
      bare: `Yjs ${spread(applied, 'ms')}`,
      'to bare': ratio(median(arriving), median(applied)),
      target: `longest ${short(median(longest))} ms, with Yjs in it`
    },
    {
      measure: '40 MB leave: the engine, beside the insertion',
      ours: spread(sent, 'ms'),
      bare: `Yjs ${spread(inserted, 'ms')}`,
      'to bare': ratio(median(sent), median(inserted))
    },
    ...Object.entries(tasks).map(([who, longest]) => ({
      measure: `40 MB, kept: longest task without Yjs, ${who}`,
      ours: spread(longest, 'ms'),
      target: `≤ ${LONGEST} ms`,
      met: median(longest) <= LONGEST
    }))
  ];
}

/** With a history that is kept, until all is written and what could be compacted has been. */
async function longestTasks(site) {
  const longest = { sending: [], receiving: [], joining: [] };
  for (let run = 0; run < RUNS; run++) {
    await withPages(site, 3, async (a, b, c) => {
      const room = freshRoom();
      const o = { system: 'ours', room, path: 'live', bytes: BYTES };
      await a.run('enter', { ...o, history: room });
      await b.run('enter', { ...o, history: room });
      await a.run('share', { ...o, bytes: 0 });
      await b.run('open', o);
      await Promise.all([a.run('watchTasks', o), b.run('watchTasks', o)]);
      const answer = b.run('answer', o);
      await a.run('insert', { ...o, wait: 60_000 });
      await answer;
      await a.page.waitForTimeout(AFTERWARDS);
      await Promise.all([a.run('kept'), b.run('kept')]);
      longest.sending.push(await a.run('longest'));
      longest.receiving.push(await b.run('longest'));
      await c.run('enter', { ...o, history: room });
      await c.run('openWatched', o);
      await c.page.waitForTimeout(AFTERWARDS);
      await c.run('kept');
      longest.joining.push(await c.run('longest'));
    });
  }
  return longest;
}
