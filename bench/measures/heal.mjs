/**
 * A network that is away for ten seconds while two people type on: how long after it is back both have all
 * that either typed. Each of them is in a network of its own; where there can be none that is said in the
 * table. `heal.network.mjs` is what runs there.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inside, lacking, OWN } from '../../tests/network/inside.mjs';
import { median, ratio, spread } from '../lib/figures.mjs';

const SCRIPT = fileURLToPath(new URL('heal.network.mjs', import.meta.url));
const CUT = 10;
const RUNS = 3;
const MOST = 5_000;
/** How long is waited for one that does not heal. */
const WAIT = 60_000;

export async function heal() {
  const measure = `heal after a ${CUT} s network cut`;
  const target = '< 5 s, nothing lost';
  const missing = lacking();
  if (missing) {
    return [{ measure, ours: `skipped: needs ${missing}`, target }];
  }
  const times = await inNetwork({ cut: CUT, runs: RUNS, wait: WAIT });
  const healed = list => list.filter(ms => ms !== null);
  const text = list =>
    list.includes(null)
      ? `${list.length - healed(list).length} of ${list.length} not whole in ${WAIT / 1_000} s`
      : spread(list, 'ms');
  const { ours, 'y-webrtc': theirs } = times;
  const all = healed(ours).length === ours.length;
  return [
    {
      measure,
      ours: text(ours),
      'y-webrtc': text(theirs),
      'to y-webrtc':
        all && !theirs.includes(null)
          ? ratio(median(ours), median(theirs))
          : '',
      target,
      met: all && Math.max(...ours) < MOST
    }
  ];
}

/** Milliseconds of each run, by contestant; null where not all came. */
async function inNetwork(options) {
  const command = [process.execPath, SCRIPT, JSON.stringify(options)];
  const child = spawn(...inside(command), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...OWN }
  });
  let said = '';
  child.stdout.on('data', data => (said += data));
  const [status] = await once(child, 'close');
  if (status !== 0) {
    throw new Error(`What ran in a network of its own ended with ${status}.`);
  }
  return JSON.parse(said);
}
