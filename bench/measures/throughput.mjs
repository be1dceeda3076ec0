/**
 * Throughput: a document given to somebody who joins, and a large insertion into a document that both
 * have open. The bare channel moves as many bytes; the better of two message sizes counts.
 */
import { median, ratio, short, spread } from '../lib/figures.mjs';
import { freshRoom, withPages } from '../lib/site.mjs';

const SIZES = [1, 10, 40].map(megabytes => megabytes * 1_000_000);
const RUNS = 3;
const MESSAGES = [16 * 1024, 64 * 1024];

/** How long y-webrtc may take before it counts as never. */
const NEVER = 5_000;
const WAIT = 60_000;

const speed = (bytes, ms) => bytes / 1_000 / ms;

export async function throughput(site) {
  const rows = [];
  for (const bytes of SIZES) {
    const bare = await bareSpeeds(site, bytes);
    const best = bare.reduce((a, b) =>
      median(a.speeds) >= median(b.speeds) ? a : b
    );
    const row = (measure, speeds, theirs) => ({
      measure,
      ours: spread(speeds, 'MB/s'),
      'y-webrtc': theirs,
      bare: `${spread(best.speeds, 'MB/s')}, ${best.message / 1024} KiB`,
      'to bare': ratio(median(speeds), median(best.speeds)),
      target: '≥ 0.5× bare',
      met: median(speeds) >= median(best.speeds) / 2
    });
    const size = `${bytes / 1_000_000} MB`;
    rows.push(
      row(
        `${size} to a joiner`,
        await joiners(site, bytes),
        await joiner(site, 'y-webrtc', bytes, NEVER).then(seen)
      ),
      row(
        `${size} inserted live`,
        await live(site, 'ours', bytes, RUNS, WAIT),
        await live(site, 'y-webrtc', bytes, 1, NEVER).then(([one]) => seen(one))
      )
    );
  }
  return rows;
}

const seen = one =>
  one === null ? `nothing in ${NEVER / 1000} s` : `${short(one)} MB/s`;

async function bareSpeeds(site, bytes) {
  return withPages(site, 2, async (a, b) => {
    const room = freshRoom();
    await a.run('enter', { system: 'bare', room });
    await b.run('enter', { system: 'bare', room, joins: true });
    await Promise.all([a.run('link'), b.run('link')]);
    const all = MESSAGES.map(message => ({ message, speeds: [] }));
    for (let run = 0; run < RUNS; run++) {
      for (const { message, speeds } of all) {
        await b.run('receive', { bytes });
        speeds.push(speed(bytes, await a.run('send', { bytes, message })));
      }
    }
    return all;
  });
}

async function joiners(site, bytes) {
  const speeds = [];
  for (let run = 0; run < RUNS; run++) {
    speeds.push(await joiner(site, 'ours', bytes, WAIT));
  }
  return speeds;
}

async function joiner(site, system, bytes, wait) {
  return withPages(site, 2, async (a, b) => {
    const o = { system, room: freshRoom(), path: 'large', bytes, wait };
    await a.run('enter', o);
    await a.run('share', o);
    const done = await b.run('download', o);
    return done && speed(bytes, done.ms);
  });
}

async function live(site, system, bytes, runs, wait) {
  return withPages(site, 2, async (a, b) => {
    const room = freshRoom();
    await a.run('enter', { system, room });
    await b.run('enter', { system, room });
    const speeds = [];
    for (let run = 0; run < runs; run++) {
      const o = { system, path: `live ${run}`, bytes, wait };
      await a.run('share', { ...o, bytes: 0 });
      await b.run('open', o);
      b.run('answer', o).catch(() => undefined); // may never come
      const { ms } = await a.run('insert', o);
      speeds.push(ms && speed(bytes, ms));
    }
    return speeds;
  });
}
