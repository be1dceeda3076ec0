/**
 * Runs the network tests, each file in a network of its own. Of that nothing is left, however the tests
 * end: the kernel takes it away with the last process in it, and the processes with the first one.
 *
 *   node tests/network/run.mjs [TEST FILE...]
 *
 * What can't be had (root, `ip`, coturn) is said, and the tests are skipped.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/**
 * A network, a table of processes and a table of mounts; who is not root is it in there. `ip` keeps the
 * names of namespaces in /run, where now no other process sees them.
 */
const INSIDE = [
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child'],
  ...['--mount-proc', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])],
  ...[
    'sh',
    '-c',
    'mount -t tmpfs network /run && ip link set lo up && exec "$@"'
  ]
];

function inside(command, options) {
  const [first, ...others] = [...INSIDE, 'sh', ...command];
  return spawnSync(first, others, options);
}

const has = command =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;

/** What the tests lack on this machine, or null. */
function missing() {
  const packages = {
    ip: 'iproute2',
    python3: 'python3',
    setpriv: 'util-linux',
    turnserver: 'coturn',
    unshare: 'util-linux'
  };
  if (process.platform !== 'linux') {
    return 'network namespaces, which only Linux has';
  }
  const lacking = Object.keys(packages).find(command => !has(command));
  if (lacking) {
    return `${lacking} (on Debian: apt install ${packages[lacking]})`;
  }
  const { status, stderr } = inside(['ip', 'netns', 'add', 'probe']);
  return status === 0
    ? null
    : `the right to make network namespaces, which root has (${String(stderr).trim()})`;
}

function run(file) {
  const { status } = inside([process.execPath, '--test', file], {
    stdio: 'inherit',
    env: { ...process.env, NETWORK: 'own' }
  });
  return status === 0;
}

const lacking = missing();
if (lacking) {
  console.log(`The network tests are skipped. They need ${lacking}.`);
} else {
  const given = process.argv.slice(2);
  const names = readdirSync(here).filter(name => name.endsWith('.test.mjs'));
  const files = given.length ? given : names.map(name => join(here, name));
  // One after the other, and all of them.
  process.exitCode = files.map(run).every(Boolean) ? 0 : 1;
}
