/**
 * All measures in one run, side by side: `make bench`, or `node bench/run.mjs join size` for some.
 * A slow figure is no failure; only what did not work at all ends with an error.
 */
import { writeFile } from 'node:fs/promises';
import { openSite } from './lib/site.mjs';
import { report } from './lib/report.mjs';
import { crowd } from './measures/crowd.mjs';
import { heal } from './measures/heal.mjs';
import { integration } from './measures/integration.mjs';
import { join } from './measures/join.mjs';
import { keystroke } from './measures/keystroke.mjs';
import { loads } from './measures/loads.mjs';
import { memory } from './measures/memory.mjs';
import { reopen } from './measures/reopen.mjs';
import { size } from './measures/size.mjs';
import { throughput } from './measures/throughput.mjs';

const RESULTS = 'bench/results.md';
const measures = {
  join,
  throughput,
  keystroke,
  crowd,
  heal,
  integration,
  reopen,
  loads,
  memory,
  size
};

const asked = process.argv.slice(2);
const chosen = Object.entries(measures).filter(
  ([name]) => asked.length === 0 || asked.includes(name)
);
const site = await openSite();
const rows = [];
const failures = [];
for (const [name, measure] of chosen) {
  const began = performance.now();
  process.stderr.write(`${name} … `);
  try {
    rows.push(...(await measure(site)));
  } catch (reason) {
    failures.push(name);
    console.error(reason);
  }
  const seconds = (performance.now() - began) / 1000;
  process.stderr.write(`${seconds.toFixed(0)} s\n`);
}
const text = report(rows, { browser: site.browser.version() });
await site.close();
console.log(text);
if (asked.length === 0 && failures.length === 0) {
  await writeFile(RESULTS, text);
}
if (failures.length > 0) {
  console.error(`Did not work: ${failures.join(', ')}`);
  process.exitCode = 1;
}
