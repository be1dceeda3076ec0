/** A network of its own for a command, and whether one can be had here. */
import { spawnSync } from 'node:child_process';

/**
 * A network, a table of processes and a table of mounts; who is not root is it in there. `ip` keeps the
 * names of namespaces in /run, where now no other process sees them. Of all that nothing is left, however
 * the command ends: the kernel takes it away with the last process in it, and the processes with the
 * first one.
 */
const INSIDE = [
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child'],
  ...['--mount-proc', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])],
  ...[
    'sh',
    '-c',
    'mount -t tmpfs network /run && ip link set lo up && exec "$@"',
    'sh'
  ]
];

/** The command line that runs a command in a network of its own: the program, and its arguments. */
export function inside(command) {
  const [program, ...others] = INSIDE;
  return [program, [...others, ...command]];
}

/** What tells a process that it is in there. */
export const OWN = { NETWORK: 'own' };

const has = command =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;

/** What is lacking on this machine for a network of its own and for `more` (command to package), or null. */
export function lacking(more = {}) {
  const packages = {
    ip: 'iproute2',
    python3: 'python3',
    setpriv: 'util-linux',
    unshare: 'util-linux',
    ...more
  };
  if (process.platform !== 'linux') {
    return 'network namespaces, which only Linux has';
  }
  const command = Object.keys(packages).find(command => !has(command));
  if (command) {
    return `${command} (on Debian: apt install ${packages[command]})`;
  }
  const { status, stderr } = spawnSync(
    ...inside(['ip', 'netns', 'add', 'probe'])
  );
  return status === 0
    ? null
    : `the right to make network namespaces, which root has (${String(stderr).trim()})`;
}
