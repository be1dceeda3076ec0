/**
 * Two places, `a` and `b`, and the middle, which is where the tests run themselves. From both places the
 * middle can be reached, over a line each; from one to the other only when the middle passes it on.
 *
 *   a ── line ── middle ── line ── b
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { OWN } from './inside.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** The middle, from everywhere: one origin for all. */
export const MIDDLE = '10.77.0.1';

/** Where the places are. */
const SUBNETS = { a: '10.77.1', b: '10.77.2' };

function ip(...args) {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Runs in the namespace of that name. */
const within = (name, ...command) => ['netns', 'exec', name, ...command];

/** IPv6 would be a second way, and has to be closed too where there is to be none. */
function closeIpv6(name) {
  const file = '/proc/sys/net/ipv6/conf/all/disable_ipv6';
  ip(...within(name, 'sh', '-c', `! test -e ${file} || echo 1 >${file}`));
}

class Place {
  constructor(name) {
    this.name = name;
    this.subnet = SUBNETS[name];
    this.address = `${this.subnet}.2`;
  }

  /** Lays the line from here to the middle. */
  async build() {
    const { name, subnet, address } = this;
    const between = `line-${name}`;
    for (const namespace of [name, between]) {
      ip('netns', 'add', namespace);
      closeIpv6(namespace);
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
    }
    const pair = (inner, outer) => [
      'type',
      'veth',
      'peer',
      'name',
      inner,
      ...outer
    ];
    ip('-n', name, 'link', 'add', 'eth0', ...pair('near', ['netns', between]));
    ip('link', 'add', `to-${name}`, ...pair('far', ['netns', between]));
    for (const end of ['near', 'far']) {
      ip('-n', between, 'link', 'set', end, 'up');
    }
    ip('addr', 'add', `${subnet}.1/24`, 'dev', `to-${name}`);
    ip('link', 'set', `to-${name}`, 'up');
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    this.plug();
    await this._startLine(between);
  }

  async _startLine(between) {
    const command = within(
      between,
      'python3',
      join(here, 'line.py'),
      'near',
      'far'
    );
    this._line = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    this._answers = createInterface({ input: this._line.stdout });
    await once(this._answers, 'line');
  }

  /** How the line is from now on: seconds of delay each way, and how much of it is lost (1 is all). */
  async line({ delay = 0, loss = 0 }) {
    const answer = once(this._answers, 'line');
    this._line.stdin.write(`${JSON.stringify({ delay, loss, seed: 1 })}\n`);
    await answer;
  }

  /** Take the line away, or it would be waited for. */
  async close() {
    this._line.stdin.end();
    await once(this._line, 'exit');
  }

  /** Pull the plug: the place's own interface is down, as it would be in a laptop. */
  unplug() {
    ip('-n', this.name, 'link', 'set', 'eth0', 'down');
  }

  /** Put the plug in. The kernel has forgotten the way out. */
  plug() {
    ip('-n', this.name, 'link', 'set', 'eth0', 'up');
    ip('-n', this.name, 'route', 'add', 'default', 'via', `${this.subnet}.1`);
  }

  /** The command line of something that is to run here. */
  command(...command) {
    return ['ip', ...within(this.name, ...command)];
  }
}

/** Lay out the network; once in a process, as there is one. */
export async function buildNetwork() {
  if (process.env.NETWORK !== OWN.NETWORK) {
    throw new Error(
      'This needs a network of its own: use make test-network, or node tests/network/run.mjs FILE'
    );
  }
  ip('addr', 'add', `${MIDDLE}/32`, 'dev', 'lo');
  const [a, b] = Object.keys(SUBNETS).map(name => new Place(name));
  await Promise.all([a.build(), b.build()]);
  const network = {
    a,
    b,
    /** Whether the middle passes on what goes from one place to the other. */
    join(joined) {
      writeFileSync('/proc/sys/net/ipv4/ip_forward', joined ? '1' : '0');
    },
    close: () => Promise.all([a.close(), b.close()]),
    /** Everything as in the beginning: good lines, and no way from one place to the other. */
    async reset() {
      network.join(false);
      await Promise.all([a.line({}), b.line({})]);
    }
  };
  network.join(false);
  return network;
}
