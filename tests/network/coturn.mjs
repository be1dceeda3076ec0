/** A real TURN server, coturn. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after } from 'node:test';
import { eventually } from '../e2e/waiting.mjs';

const PORT = 3478;
const ACCOUNT = { username: 'ada', credential: 'a long secret' };

async function listens(host) {
  const socket = connect(PORT, host);
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

/** Starts it at an address for the tests of a file; the servers for `webRtcIceServers`. */
export async function useCoturn(host) {
  const options = {
    'listening-ip': host,
    'relay-ip': host,
    'listening-port': PORT,
    realm: 'turn.test',
    user: `${ACCOUNT.username}:${ACCOUNT.credential}`,
    'log-file': 'stdout',
    pidfile: '/run/turnserver.pid',
    userdb: '/run/turnserver.db'
  };
  const flags = ['lt-cred-mech', 'no-tls', 'no-dtls', 'no-cli', 'simple-log'];
  const given = Object.entries(options).map(
    ([key, value]) => `${key}=${value}`
  );
  const args = [...flags, ...given].map(option => `--${option}`);
  // -n: whatever is configured on this machine does not count.
  const child = spawn('turnserver', ['-n', ...args], { stdio: 'pipe' });
  const log = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => log.push(text));
  }
  after(async () => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, 'exit');
    }
  });
  await eventually(async () => {
    if (child.exitCode !== null) {
      throw new Error(`coturn ended: ${log.join('')}`);
    }
    await listens(host);
  }, 20_000);
  return [{ urls: `turn:${host}:${PORT}`, ...ACCOUNT }];
}
