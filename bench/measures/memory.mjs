/**
 * What a room costs a page that has 40 MB open: its memory with the document alone, with the document in a
 * room that keeps its history, and after ten people took it from there, one after the other.
 *
 * Counted are JavaScript's heap, what array buffers hold, and the engine's memory, which never shrinks;
 * after collecting garbage, so this is what the page would have in the long run.
 */
import { short } from '../lib/figures.mjs';
import { freshRoom } from '../lib/site.mjs';

const BYTES = 40_000_000;
const GUESTS = 10;
const MOST = 2.5;

export async function memory(site) {
  const o = { system: 'ours', room: freshRoom(), path: 'large', bytes: BYTES };
  const host = await site.page();
  try {
    await host.run('fill', o);
    const alone = await parts(host);
    await host.run('enter', { ...o, history: o.room });
    await host.run('share', o);
    await host.run('kept');
    const inRoom = await parts(host);
    for (let i = 0; i < GUESTS; i++) {
      const guest = await site.page();
      await guest.run('download', { ...o, wait: 60_000 });
      await guest.close();
    }
    return [
      { measure: 'memory, 40 MB: without a room', ours: told(alone) },
      row('in a room that is kept', inRoom, alone),
      row('after ten people took it', await parts(host), alone)
    ];
  } finally {
    await host.close();
  }
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
