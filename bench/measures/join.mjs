/**
 * Joining: from making the provider to having the whole document, with somebody there who has it. Each
 * run has two fresh pages, and the systems take turns, so that all of them meet the same machine.
 */
import { median, ratio, spread } from '../lib/figures.mjs';
import { freshRoom } from '../lib/site.mjs';

const BYTES = 200_000;
const RUNS = 20;

export async function join(site) {
  const times = { ours: [], cold: [], 'y-webrtc': [], bare: [] };
  for (let run = 0; run < RUNS; run++) {
    for (const contestant of Object.keys(times)) {
      const isCold = contestant === 'cold';
      const o = {
        system: isCold ? 'ours' : contestant,
        room: freshRoom(),
        bytes: BYTES
      };
      const pages = [site.page(), site.page({ load: !isCold })];
      const [host, guest] = await Promise.all(pages);
      await host.run('host', o);
      await host.run('rest');
      times[contestant].push(await guest.run('join', o));
      await Promise.all([host.close(), guest.close()]);
    }
  }
  const row = ours => ({
    ours: spread(ours, 'ms'),
    'y-webrtc': spread(times['y-webrtc'], 'ms'),
    bare: spread(times.bare, 'ms'),
    'to y-webrtc': ratio(median(ours), median(times['y-webrtc'])),
    'to bare': ratio(median(ours), median(times.bare))
  });
  return [
    {
      measure: 'join, 200 KB',
      ...row(times.ours),
      target: '≤ 1× y-webrtc',
      met: median(times.ours) <= median(times['y-webrtc'])
    },
    { measure: 'join, 200 KB, engine not loaded', ...row(times.cold) }
  ];
}
