/** Browsers that are at a place. */
import { writeFileSync } from 'node:fs';
import { CHROMIUM, launch } from '../e2e/site.mjs';
import { MIDDLE } from './network.mjs';

/** Where the site is, in the middle. Any will do: nobody else is here. */
export const PORT = 8000;

const FLAGS = [
  // As on a site with a certificate. Without, JupyterLite gets neither locks nor a clipboard.
  `--unsafely-treat-insecure-origin-as-secure=http://${MIDDLE}:${PORT}`,
  // Names for addresses, asked for by multicast, which goes no further than the next wire.
  '--disable-features=WebRtcHideLocalIpsWithMdns'
];

/** A browser that is at a place. */
export function launchAt(place) {
  const executable = `/run/chromium-in-${place.name}`;
  const command = place.command(CHROMIUM).join(' ');
  writeFileSync(executable, `#!/bin/sh\nexec ${command} "$@"\n`, {
    mode: 0o755
  });
  return launch({ executable, args: FLAGS });
}
