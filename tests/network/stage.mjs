/** The stage of the browser tests, with Ada and Grace at two places, each with a browser there. */
import { writeFileSync } from 'node:fs';
import { after, afterEach } from 'node:test';
import { CHROMIUM, freshRoom, launch, useStage } from '../e2e/site.mjs';
import { buildNetwork, MIDDLE } from './network.mjs';
import { watchConnections } from './connections.mjs';

/** Any will do: nobody else is here. */
const PORT = 8000;

const FLAGS = [
  // As on a site with a certificate. Without, JupyterLite gets neither locks nor a clipboard.
  `--unsafely-treat-insecure-origin-as-secure=http://${MIDDLE}:${PORT}`,
  // Names for addresses, asked for by multicast, which goes no further than the next wire.
  '--disable-features=WebRtcHideLocalIpsWithMdns'
];

/** A browser that is at a place. */
function launchAt(place) {
  const executable = `/run/chromium-in-${place.name}`;
  const command = place.command(CHROMIUM).join(' ');
  writeFileSync(executable, `#!/bin/sh\nexec ${command} "$@"\n`, {
    mode: 0o755
  });
  return launch({ executable, args: FLAGS });
}

export async function useNetworkStage() {
  const network = await buildNetwork();
  const { a, b } = network;
  const serving = { host: MIDDLE, port: PORT };
  const stage = await useStage({ serving, launching: () => launchAt(a) });
  stage.network = network;
  stage.far = await launchAt(b);
  after(async () => {
    await stage.far.close();
    await network.close();
  });
  afterEach(() => network.reset());
  /** Ada at `a` and Grace at `b`; `hers` are options that only Grace has. */
  stage.two = (options, hers = {}) => {
    const init = watchConnections;
    return Promise.all([
      stage.person('ada', { init, ...options }),
      stage.person('grace', { init, ...options, ...hers, browser: stage.far })
    ]);
  };
  /** The two with one document open, connected. */
  stage.together = async (path, options) => {
    const room = freshRoom();
    const people = await stage.two(options);
    await Promise.all(people.map(one => one.open(path, { room })));
    await Promise.all(people.map(one => one.meets(1)));
    return people;
  };
  return stage;
}
