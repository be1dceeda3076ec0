/**
 * Keystrokes: one page types a character, the other repeats it in its observer, the first one sees
 * that. When nothing else happens; while 40 MB go from the one to the other in another document of the
 * same room; and while a third page joins and takes 40 MB from the two.
 */
import { median, quantile, ratio, tail } from '../lib/figures.mjs';
import { freshRoom, withPages } from '../lib/site.mjs';

/** The contestants take turns: so many rounds of so many strokes each. */
const ROUNDS = 5;
const STROKES = 100;
/** So many come before: a page that has just been opened still compiles and collects. */
const WARM_UP = 300;
const PAUSE = 8;
const BYTES = 40_000_000;
const MESSAGE = 64 * 1024;

/** Enough transfers for this many keystrokes, but not for ever. */
const BUSY_STROKES = 200;
const MOST_TRANSFERS = 8;

const never = 'never carries 40 MB';
const round = strokes => strokes.map(({ ms }) => ms);
const during = ({ strokes, from, to }) =>
  round(strokes.filter(({ at, ms }) => at >= from && at + ms <= to + 1));

export async function keystroke(site) {
  const { ours: idle, 'y-webrtc': theirs, bare: idleBare } = await quiet(site);
  const ours = await documents(site);
  const bare = await bareChannel(site);
  return [
    {
      measure: 'keystroke there and back, idle',
      ...columns(idle, theirs, idleBare),
      target: '≤ 1× y-webrtc, ≤ 2× bare',
      met:
        median(idle) <= median(theirs) && median(idle) <= 2 * median(idleBare)
    },
    {
      measure: 'keystroke, 40 MB between the two',
      ...columns(ours.busy, null, bare.busy),
      target: 'p95 < 50 ms',
      met: quantile(ours.busy, 0.95) < 50
    },
    {
      measure: 'keystroke, 40 MB to a third page',
      ...columns(ours.third, null, bare.third),
      target: 'p95 < 50 ms',
      met: quantile(ours.third, 0.95) < 50
    }
  ];
}

function columns(ours, theirs, bare) {
  return {
    ours: tail(ours),
    'y-webrtc': theirs ? tail(theirs) : never,
    bare: tail(bare),
    'to y-webrtc': theirs ? ratio(median(ours), median(theirs)) : '',
    'to bare': ratio(median(ours), median(bare))
  };
}

/** When nothing else happens: milliseconds, by contestant. */
async function quiet(site) {
  const systems = ['ours', 'y-webrtc', 'bare'];
  return withPages(site, 2 * systems.length, async (...pages) => {
    const times = Object.fromEntries(systems.map(system => [system, []]));
    const pairs = systems.map((system, i) => ({
      system,
      a: pages[2 * i],
      b: pages[2 * i + 1]
    }));
    for (const { system, a, b } of pairs) {
      await (system === 'bare' ? meetBare(a, b) : meet(system, a, b));
      await a.run('type', { system, count: WARM_UP, pause: PAUSE });
    }
    for (let turn = 0; turn < ROUNDS; turn++) {
      for (const { system, a } of pairs) {
        const o = { system, count: STROKES, pause: PAUSE };
        times[system].push(...round(await a.run('type', o)));
      }
    }
    return times;
  });
}

/** Two open a document, and one repeats what the other types. Returns the room. */
async function meet(system, a, b) {
  const room = freshRoom();
  await a.run('enter', { system, room });
  await b.run('enter', { system, room });
  await a.run('share', { system, path: 'keys', bytes: 0 });
  await b.run('open', { system, path: 'keys' });
  await b.run('echo', { system });
  return room;
}

async function meetBare(a, b) {
  const system = 'bare';
  const room = freshRoom();
  await a.run('enter', { system, room });
  await b.run('enter', { system, room, joins: true });
  await Promise.all([a.run('link'), b.run('link')]);
  await b.run('echo', { system });
  return room;
}

async function documents(site) {
  const system = 'ours';
  return withPages(site, 2, async (a, b) => {
    const room = await meet(system, a, b);
    await a.run('type', { system, count: WARM_UP, pause: PAUSE });
    const busy = await enough(async number => {
      const o = { system, path: `large ${number}`, bytes: BYTES, pause: PAUSE };
      await a.run('share', { ...o, bytes: 0 });
      await b.run('open', o);
      const answer = b.run('answer', o);
      const typed = await a.run('typeDuring', o);
      await answer;
      return during(typed);
    });
    await a.run('share', { system, path: 'third', bytes: BYTES });
    await b.run('open', { system, path: 'third' });
    const third = await enough(() =>
      withPages(site, 1, async c => {
        const typed = a.run('type', { system, pause: PAUSE });
        const o = { system, room, path: 'third', bytes: BYTES, wait: 60_000 };
        const window = await c.run('download', o);
        await a.run('stop');
        return during({ strokes: await typed, ...window });
      })
    );
    return { busy, third };
  });
}

async function bareChannel(site) {
  return withPages(site, 3, async (a, b, c) => {
    const system = 'bare';
    const room = await meetBare(a, b);
    await a.run('type', { system, count: WARM_UP, pause: PAUSE });
    const o = { system, bytes: BYTES, message: MESSAGE, pause: PAUSE };
    const busy = await enough(async () => {
      await b.run('receive', o);
      return during(await a.run('typeDuring', o));
    });
    await c.run('enter', { system, room, joins: true });
    await Promise.all([a.run('link'), c.run('link')]);
    const third = await enough(async () => {
      await c.run('receive', o);
      return during(await a.run('typeDuring', { ...o, link: 1 }));
    });
    return { busy, third };
  });
}

async function enough(transfer) {
  const strokes = [];
  for (let i = 0; i < MOST_TRANSFERS && strokes.length < BUSY_STROKES; i++) {
    strokes.push(...(await transfer(i)));
  }
  return strokes;
}
