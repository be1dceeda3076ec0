/**
 * Runs the network tests, each file in a network of its own.
 *
 *   node tests/network/run.mjs [TEST FILE...]
 *
 * What can't be had (root, `ip`, coturn) is said, and the tests are skipped.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inside, lacking, OWN } from './inside.mjs';

const here = dirname(fileURLToPath(import.meta.url));

function run(file) {
  const { status } = spawnSync(...inside([process.execPath, '--test', file]), {
    stdio: 'inherit',
    env: { ...process.env, ...OWN }
  });
  return status === 0;
}

const missing = lacking({ turnserver: 'coturn' });
if (missing) {
  console.log(`The network tests are skipped. They need ${missing}.`);
} else {
  const given = process.argv.slice(2);
  const names = readdirSync(here).filter(name => name.endsWith('.test.mjs'));
  const files = given.length ? given : names.map(name => join(here, name));
  // One after the other, and all of them.
  process.exitCode = files.map(run).every(Boolean) ? 0 : 1;
}
