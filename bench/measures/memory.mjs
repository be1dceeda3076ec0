/**
 * What a room costs a page that has 40 MB open: its memory with the document alone, with the document in a
 * room that keeps its history, and after ten people took it from there, one after the other.
 *
 * Counted are JavaScript's heap, what array buffers hold, and the engine's memory, which never shrinks;
 * after collecting garbage, so this is what the page would have in the long run.
 */
import { short } from '../lib/figures.mjs';
import { freshRoom, withPages } from '../lib/site.mjs';

const BYTES = 40_000_000;
const GUESTS = 10;
const MOST = 2.5;
/** After so many milliseconds an update that is large has been compacted. */
const COMPACTED = 6_000;

export async function memory(site) {
  const o = { system: 'ours', room: freshRoom(), path: 'large', bytes: BYTES };
  const kept = { ...o, history: o.room };
  return withPages(site, 2, async (host, guest) => {
    await host.run('fill', o);
    const alone = await parts(host);
    await host.run('enter', kept);
    await host.run('share', o);
    await host.run('kept');
    const shares = await parts(host);
    await guest.run('download', { ...kept, wait: 60_000 });
    await guest.run('kept');
    const took = await parts(guest);
    for (let i = 1; i < GUESTS; i++) {
      await withPages(site, 1, one =>
        one.run('download', { ...o, wait: 60_000 })
      );
    }
    const served = await parts(host);
    await host.close();
    await guest.reload();
    await guest.run('enter', kept);
    await guest.run('open', o);
    await guest.run('kept');
    const opened = await parts(guest);
    return [
      { measure: 'memory, 40 MB: without a room', ours: told(alone) },
      row('shared, kept', shares, alone),
      row('after ten people took it', served, alone),
      row('taken from a peer, kept', took, alone),
      row('opened again', opened, alone),
      row('inserted live, compacted', await inserted(site), alone)
    ];
  });
}

/** 40 MB come into a document that is there: then its history is written anew. */
async function inserted(site) {
  const o = { system: 'ours', room: freshRoom(), path: 'live', bytes: BYTES };
  return withPages(site, 1, async page => {
    await page.run('enter', { ...o, history: o.room });
    await page.run('share', { ...o, bytes: 0 });
    await page.run('insert', { ...o, wait: COMPACTED });
    await page.run('kept');
    return parts(page);
  });
}

const megabytes = bytes => `${short(bytes / 1_000_000)} MB`;

const told = ({ heap, buffers, wasm }) =>
  `heap ${megabytes(heap)}, buffers ${megabytes(buffers)}, engine ${megabytes(wasm)}`;

function row(measure, now, alone) {
  const all = ({ heap, buffers, wasm }) => heap + buffers + wasm;
  const more = (all(now) - all(alone)) / BYTES;
  return {
    measure: `memory, 40 MB: ${measure}`,
    ours: `${told(now)}: ${short(more)}× more`,
    target: `≤ ${MOST}×`,
    met: more <= MOST
  };
}

async function parts({ page, run }) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.enable');
  // What was just let go of is found the first time, what that held the next.
  for (let i = 0; i < 3; i++) {
    await session.send('HeapProfiler.collectGarbage');
    await page.waitForTimeout(1_000);
  }
  const usage = await session.send('Runtime.getHeapUsage');
  await session.detach();
  const wasm = await run('engineMemory');
  const heap = usage.usedSize + (usage.embedderHeapUsedSize ?? 0);
  if (process.env.DEBUG) console.error(usage, wasm);
  return { heap, buffers: usage.backingStorageSize ?? 0, wasm };
}
