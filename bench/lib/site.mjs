/**
 * The benchmark's pages: bundled, served by the real signaling server, opened in separate browser
 * contexts so that nothing but WebRTC joins them.
 */
import { cp, mkdir } from 'node:fs/promises';
import { build } from 'esbuild';
import { median } from './figures.mjs';
import {
  countConnections,
  freshRoom,
  launch,
  serve
} from '../../tests/e2e/site.mjs';

const SITE = 'target/bench';

/** What a page may take for one thing before it counts as broken, in milliseconds. */
const PATIENCE = 90_000;

export async function openSite() {
  await buildSite();
  const server = await serveSite();
  const browser = await launch();
  const session = await browser.newBrowserCDPSession();
  return {
    browser,
    /** The share of a core that each renderer takes in so many milliseconds: the middle and the most. */
    async idle(ms) {
      const before = await processorTimes(session);
      await new Promise(resolve => setTimeout(resolve, ms));
      const after = await processorTimes(session);
      const shares = [...after].map(
        ([id, time]) => ((time - (before.get(id) ?? time)) * 1_000) / ms
      );
      return { share: median(shares), most: Math.max(...shares) };
    },
    /** A page in a context of its own. */
    page: options => openPage(browser, server, options),
    async close() {
      await browser.close();
      await server.stop();
    }
  };
}

async function buildSite() {
  await mkdir(SITE, { recursive: true });
  await build({
    entryPoints: ['bench/page/main.ts'],
    outdir: SITE,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    ignoreAnnotations: true
  });
  await cp('bench/page/index.html', `${SITE}/index.html`);
  await cp(
    'pkg/jupyterlite_webrtc_bg.wasm',
    `${SITE}/jupyterlite_webrtc_bg.wasm`
  );
}

/** The site that was built; `options` are those of the server. */
export function serveSite(options = {}) {
  // All the pages that a run opens come from one address, faster than people would.
  const limits = ['--messages-per-second', '10000'];
  return serve({ site: SITE, args: limits, ...options });
}

/** A page in a context of its own. */
export async function openPage(browser, server, { load = true } = {}) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('pageerror', error => console.error(`in a page: ${error}`));
  await page.addInitScript(countConnections);
  await page.goto(`${server.url}/index.html`);
  await page.waitForFunction(() => window.bench);
  const run = (name, options = {}) =>
    atMost(
      PATIENCE,
      name,
      page.evaluate(
        ([name, options]) => window.bench.run(name, options),
        [name, options]
      )
    );
  if (load) {
    await run('load');
  }
  const reload = async () => {
    await page.reload();
    await page.waitForFunction(() => window.bench);
  };
  return { run, page, reload, close: () => context.close() };
}

/** Seconds of processor time of each renderer so far. */
async function processorTimes(session) {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  return new Map(renderers.map(({ id, cpuTime }) => [id, cpuTime]));
}

/** Open two pages, do something with them, and close them whatever happens. */
export async function withPages(site, count, body) {
  const pages = await Promise.all(Array.from({ length: count }, site.page));
  try {
    return await body(...pages);
  } finally {
    await Promise.all(pages.map(page => page.close()));
  }
}

async function atMost(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took over ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export { freshRoom };
