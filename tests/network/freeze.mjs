/** Pages that stand still, as in a laptop that is shut or a tab that the browser suspends. */
import { readFileSync } from 'node:fs';
import { eventually } from '../e2e/waiting.mjs';

async function renderersOf(browser) {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  await devtools.detach();
  return processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => id);
}

function assertStopped(process) {
  const status = readFileSync(`/proc/${process}/status`, 'utf8');
  if (!/^State:\s+T/m.test(status)) {
    throw new Error(`process ${process} runs on`);
  }
}

/** Stop all pages of a browser, at once; returns what lets them go on. */
export async function freeze(browser) {
  const renderers = await renderersOf(browser);
  renderers.forEach(one => process.kill(one, 'SIGSTOP'));
  await eventually(() => renderers.forEach(assertStopped));
  return () => renderers.forEach(one => process.kill(one, 'SIGCONT'));
}
