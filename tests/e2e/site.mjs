/**
 * What the browser tests stand on: the built site served by the real signaling server, a real browser,
 * and people in separate browser contexts, so that nothing but WebRTC joins them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, afterEach } from 'node:test';
import { chromium } from 'playwright-core';
import { person } from './person.mjs';
import { plainPeer } from './plain-peer.mjs';

export { person } from './person.mjs';

const {
  SITE_DIR = 'target/site',
  SIGNALING_BIN = 'target/release/jupyterlite-webrtc-signaling'
} = process.env;

/** Where Debian and others put the browser. */
export const CHROMIUM =
  process.env.CHROMIUM ??
  [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome'
  ].find(existsSync);

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
];

/**
 * The signaling server, serving the site too unless `site` is null. Port 0 takes a free one. `host` is the
 * address of an interface, for those who are not on this machine.
 */
export async function serve({
  site = SITE_DIR,
  port = 0,
  host = null,
  args = []
} = {}) {
  const options = [
    '--log',
    'error',
    '--port',
    String(port),
    ...(host ? ['--host', host] : []),
    ...(site ? ['--site', site] : []),
    ...args
  ];
  const child = spawn(SIGNALING_BIN, options, {
    stdio: ['ignore', 'pipe', 'inherit']
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const bound = line.match(/:(\d+)\s*$/)[1];
  const address = `${host ?? 'localhost'}:${bound}`;
  return {
    port: Number(bound),
    url: `http://${address}`,
    signaling: `ws://${address}/signaling`,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    }
  };
}

/** A browser, by default the one of this machine as it is. `args` are further ones. */
export function launch({ executable = CHROMIUM, args = [] } = {}) {
  if (!CHROMIUM) {
    throw new Error(
      'No Chromium was found. On Debian: apt install chromium; elsewhere set CHROMIUM to its path.'
    );
  }
  return chromium.launch({
    executablePath: executable,
    args: [...FLAGS, ...args]
  });
}

/** A room that no other test is in. */
export function freshRoom() {
  return `test-${Math.random().toString(36).slice(2, 10)}`;
}

/**
 * One browser and one site for the tests of a file. People come in with `stage.person(name, options)`
 * and are sent home after each test, unless they were asked to `stay`. No page may have thrown.
 *
 * @param serving Options of the server.
 * @param launching Launches the browser; a person may have another one (`browser`).
 */
export async function useStage({ serving = {}, launching = launch } = {}) {
  const stage = {
    people: [],
    async person(name, options) {
      const browser = options?.browser ?? stage.browser;
      const one = await person(browser, {
        site: stage.server.url,
        name,
        ...options
      });
      stage.people.push(one);
      return one;
    },
    /** Several people with the same options. */
    persons(names, options) {
      return Promise.all(names.map(name => stage.person(name, options)));
    },
    /** Somebody who speaks the protocol from a page without JupyterLab. */
    async plainPeer() {
      const { url: site, signaling } = stage.server;
      const one = await plainPeer(stage.browser, { site, signaling });
      stage.people.push(one);
      return one;
    },
    /** A signaling server apart from the site, which can be stopped and come back on its port. */
    async signaling() {
      const { host } = serving;
      let server = await serve({ site: null, host });
      const { port, signaling } = server;
      const apart = {
        config: { fullWebRtcSignalingUrls: [signaling] },
        url: signaling,
        stop: () => server.stop(),
        start: async () =>
          void (server = await serve({ site: null, host, port }))
      };
      stage.apart.push(apart);
      return apart;
    },
    apart: []
  };
  [stage.server, stage.browser] = await Promise.all([
    serve(serving),
    launching()
  ]);
  afterEach(async () => {
    const going = stage.people.filter(one => !one.stays);
    stage.people = stage.people.filter(one => one.stays);
    await Promise.all([
      ...going.map(one => one.close()),
      ...stage.apart.splice(0).map(apart => apart.stop())
    ]);
    const errors = going.flatMap(one =>
      one.errors.map(error => `${one.name}: ${error}`)
    );
    if (errors.length > 0) {
      throw new Error(`Pages threw errors:\n${errors.join('\n')}`);
    }
  });
  after(async () => {
    await stage.browser?.close();
    await stage.server?.stop();
  });
  return stage;
}

/** Runs in a page: `connections()` says how many are open. */
export function countConnections() {
  const all = [];
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...options) {
      super(...options);
      all.push(this);
    }
  };
  const isOpen = one => one.connectionState === 'connected';
  window.connections = () => all.filter(isOpen).length;
}
