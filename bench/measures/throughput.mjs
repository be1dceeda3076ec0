/**
 * Throughput: a document given to somebody who joins, and a large insertion into a document that both
 * have open. The bare channel moves as many bytes over connections of the same age (SCTP begins slowly,
 * so that a new one is several times slower); the better of two message sizes counts.
 */
import { median, ratio, short, spread } from '../lib/figures.mjs';
import { freshRoom, withPages } from '../lib/site.mjs';

const SIZES = [1, 10, 40].map(megabytes => megabytes * 1_000_000);
/** A megabyte takes so little time that what else the machine does is much of it: the median needs more. */
const runsOf = bytes => (bytes > 1_000_000 ? 7 : 25);
const MESSAGES = [16 * 1024, 64 * 1024];

/** How long y-webrtc may take before it counts as never. */
const NEVER = 5_000;
const WAIT = 60_000;

const speed = (bytes, ms) => bytes / 1_000 / ms;

export async function throughput(site) {
  const rows = [];
  for (const bytes of SIZES) {
    const size = `${bytes / 1_000_000} MB`;
    rows.push(
      row(
        `${size} to a joiner`,
        await joiners(site, bytes, runsOf(bytes)),
        await joiner(site, 'y-webrtc', bytes, { wait: NEVER })
      ),
      row(
        `${size} inserted live`,
        await live(site, bytes, runsOf(bytes)),
        await liveOnce(site, 'y-webrtc', bytes, NEVER)
      )
    );
  }
  return rows;
}

function row(measure, { ours, ...bare }, theirs) {
  const [message, best] = Object.entries(bare).reduce((a, b) =>
    median(a[1]) >= median(b[1]) ? a : b
  );
  return {
    measure,
    ours: spread(ours, 'MB/s'),
    'y-webrtc': seen(theirs),
    bare: `${spread(best, 'MB/s')}, ${message / 1024} KiB`,
    'to bare': ratio(median(ours), median(best)),
    target: '≥ 0.7× bare',
    met: median(ours) >= 0.7 * median(best)
  };
}

const seen = one =>
  one === null ? `nothing in ${NEVER / 1000} s` : `${short(one)} MB/s`;

/** Each joiner has a connection of its own, which SCTP begins slowly. The contestants take turns. */
async function joiners(site, bytes, runs) {
  const speeds = { ours: [], ...none() };
  for (let run = 0; run < runs; run++) {
    speeds.ours.push(await joiner(site, 'ours', bytes));
    for (const message of MESSAGES) {
      speeds[message].push(await joiner(site, 'bare', bytes, { message }));
    }
  }
  return speeds;
}

const none = () => Object.fromEntries(MESSAGES.map(message => [message, []]));

async function joiner(site, system, bytes, { message, wait = WAIT } = {}) {
  return withPages(site, 2, async (a, b) => {
    const room = freshRoom();
    const o = { system, room, path: 'large', bytes, message, wait };
    if (system === 'bare') {
      await a.run('host', o);
    } else {
      await a.run('enter', o);
      await a.run('share', o);
    }
    await a.run('rest');
    const done = await b.run('download', o);
    return done && speed(bytes, done.ms);
  });
}

/** All runs of a contestant go over one connection, and the contestants take turns. */
async function live(site, bytes, runs) {
  const pages = 2 * (1 + MESSAGES.length);
  return withPages(site, pages, async (a, b, ...others) => {
    const insert = await documents('ours', a, b);
    const channels = MESSAGES.map((message, i) => {
      const pair = others.slice(2 * i, 2 * i + 2);
      return { message, pair };
    });
    for (const { pair } of channels) {
      await connect(...pair);
    }
    const speeds = { ours: [], ...none() };
    for (let run = 0; run < runs; run++) {
      speeds.ours.push(await insert(run, bytes, WAIT));
      for (const { message, pair } of channels) {
        const [from, to] = pair;
        await to.run('receive', { bytes });
        const ms = await from.run('send', { bytes, message });
        speeds[message].push(speed(bytes, ms));
      }
    }
    return speeds;
  });
}

async function liveOnce(site, system, bytes, wait) {
  return withPages(site, 2, async (a, b) => {
    const insert = await documents(system, a, b);
    return insert(0, bytes, wait);
  });
}

async function connect(a, b) {
  const room = freshRoom();
  await a.run('enter', { system: 'bare', room });
  await b.run('enter', { system: 'bare', room, joins: true });
  await Promise.all([a.run('link'), b.run('link')]);
}

/** Two with a room: what inserts so much into a document of theirs, and says how fast it went. */
async function documents(system, a, b) {
  const room = freshRoom();
  await a.run('enter', { system, room });
  await b.run('enter', { system, room });
  return async (run, bytes, wait) => {
    const o = { system, path: `live ${run}`, bytes, wait };
    await a.run('share', { ...o, bytes: 0 });
    await b.run('open', o);
    b.run('answer', o).catch(() => undefined); // may never come
    const { ms } = await a.run('insert', o);
    return ms && speed(bytes, ms);
  };
}
