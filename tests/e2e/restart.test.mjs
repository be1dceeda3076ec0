/** The engine breaks, and the page does not: another one takes over where it was. */
import assert from 'node:assert/strict';
import { cp, mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import { freshRoom, launch, serve } from './site.mjs';
import { eventually } from './waiting.mjs';

const SITE = 'target/restart';
let server;
let browser;

before(async () => {
  await mkdir(SITE, { recursive: true });
  await build({
    entryPoints: ['tests/e2e/restart.page.js'],
    outfile: `${SITE}/page.js`,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    ignoreAnnotations: true
  });
  await cp('tests/e2e/restart.page.html', `${SITE}/index.html`);
  await cp(
    'pkg/jupyterlite_webrtc_bg.wasm',
    `${SITE}/jupyterlite_webrtc_bg.wasm`
  );
  server = await serve({ site: SITE });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function open(room, options) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${server.url}/index.html`);
  await page.waitForFunction(() => window.api);
  await page.evaluate(
    ([room, options]) => window.api.open(room, options),
    [room, options]
  );
  const ask = name => page.evaluate(name => window.api[name](), name);
  return {
    ask,
    type: text => page.evaluate(text => window.api.type(text), text),
    notices: () => page.evaluate(() => window.api.notices),
    shows: text =>
      eventually(async () => assert.equal(await ask('text'), text)),
    close: () => context.close()
  };
}

async function sees(one, names) {
  await eventually(async () =>
    assert.deepEqual((await one.ask('names')).sort(), names)
  );
}

for (const [kind, history] of Object.entries({
  'what is kept': 'restart test',
  'what the page has': undefined
})) {
  test(`an engine that breaks is replaced, with ${kind}`, async () => {
    const room = freshRoom();
    const a = await open(room, { history, name: 'a' });
    const b = await open(room, { history, name: 'b' });
    await a.type('one ');
    await b.shows('one ');
    await a.ask('breakEngine');
    // At once, while there is no engine: it must not be lost.
    await a.type('two ');
    await b.shows('two one ');
    assert.deepEqual(await a.notices(), ['engine-restarted']);
    await b.type('three ');
    await a.shows('three two one ');
    await sees(a, ['a', 'b']);
    await sees(b, ['a', 'b']);
    await b.close();
    // Alone in the room, too.
    await a.ask('breakEngine');
    await a.type('four ');
    const c = await open(room, { history, name: 'c' });
    await c.shows('four three two one ');
    await a.close();
    await c.close();
  });
}

test('one that breaks all the time is given up, and the document goes on', async () => {
  const one = await open(freshRoom(), { name: 'one' });
  for (let times = 1; times <= 4; times++) {
    await one.ask('breakEngine');
    await eventually(async () =>
      assert.equal((await one.notices()).length, times)
    );
  }
  assert.equal((await one.notices()).at(-1), 'engine-failed');
  await one.type('still here');
  await one.shows('still here');
  await one.close();
});
