/** Without a room nothing goes out; Share takes what is open into one, in place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notebook } from './notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

const stage = await useStage();
const PATH = 'mine.ipynb';
const files = { [PATH]: notebook('x = 20', 'second'), 'mine.txt': 'text\n' };

const kernelOf = widget => widget.context.sessionContext.session?.kernel?.id;

function assertSilent(one) {
  assert.deepEqual(one.sockets, [], `the sockets that ${one.name} opened`);
  const engine = one.requests.filter(url => /\.wasm(\?|$)/.test(url));
  assert.deepEqual(engine, [], `the wasm that ${one.name} loaded`);
}

test('a page without a room is plain: no socket, no engine', async () => {
  const ada = await stage.person('ada', { files });
  await ada.open(PATH);
  await ada.type(PATH, ' + 1');
  await ada.save(PATH);
  assert.equal((await ada.file(PATH)).cells[0].source, 'x = 20 + 1');
  assertSilent(ada);
  assert.deepEqual(ada.warnings, [], 'what ada was told');
});

test('a site without `collaborative` is plain, whatever the link says', async () => {
  const ada = await stage.person('ada', {
    files,
    config: { collaborative: false }
  });
  await ada.open(PATH, { room: freshRoom() });
  await ada.type(PATH, ' + 1');
  await ada.save(PATH);
  assertSilent(ada);
  assert.deepEqual(ada.warnings, [], 'what ada was told');
  const visible = await ada.page.locator('.jp-WebrtcShare').isVisible();
  assert.equal(visible, false, 'ada sees a Share button');
});

test('Share takes the open documents live in place, and the link leads to them', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace']);
  await ada.own(files);
  await ada.open(PATH);
  await ada.openMore('mine.txt');
  await ada.openMore(PATH);
  await ada.enter(PATH);
  await ada.page.keyboard.press('Control+Enter');
  await ada.until(PATH, (_, model) => model.getCell(0).execution_count === 1);
  const kernel = await ada.run(PATH, kernelOf);
  assert.ok(kernel, 'ada has no kernel');
  await ada.type(PATH, ' before');
  assertSilent(ada);

  const link = await ada.share();
  assert.match(link, /[?&]room=share-[^&#]+#k=.{20,}/);
  assert.equal(await ada.run(PATH, kernelOf), kernel, "ada's kernel");
  await ada.seesSources(PATH, ['x = 20 before', 'second']);

  await grace.follow(link);
  await grace.isOpen(PATH);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await grace.seesSources(PATH, ['x = 20 before', 'second']);
  const outputs = await grace.run(
    PATH,
    (_, model) => model.getCell(0).getOutputs()[0].data['text/plain']
  );
  assert.equal(outputs, '20', 'the output that grace sees');
  await grace.type(PATH, ' of grace', 1);
  await ada.seesSources(PATH, ['x = 20 before', 'second of grace']);

  // What was typed before is still one's own to undo.
  await eventually(async () => {
    await ada.enter(PATH);
    await ada.page.keyboard.press('Control+z');
    const [source] = await ada.sources(PATH);
    assert.equal(source, 'x = 20', 'what ada sees after undo');
  });
  await grace.seesSources(PATH, ['x = 20', 'second of grace']);

  // The other document went with it, and the page's address now leads there, secret and all.
  assert.equal(new URL(ada.page.url()).hash, new URL(link).hash);
  await ada.openMore('mine.txt');
  await ada.type('mine.txt', 'more\n');
  const text = new URL(link);
  text.searchParams.set('path', 'mine.txt');
  await grace.follow(text.href);
  await grace.isOpen('mine.txt');
  await grace.seesSources('mine.txt', 'text\nmore\n');
});

/** Runs in a page first: the tabs of the last visit come back only when `mine.txt` is open. */
function restoreLate() {
  let app;
  Object.defineProperty(window, 'jupyterapp', {
    get: () => app,
    set: value => {
      app = value;
      const { commands } = app;
      const execute = commands.execute.bind(commands);
      commands.execute = async (id, args) => {
        const isLink = new URL(window.location.href).searchParams.has('path');
        if (
          id === 'docmanager:open' &&
          !window.documentAt('mine.txt') &&
          isLink
        ) {
          window.isLate = true;
          await new Promise(resolve => {
            const look = () =>
              window.documentAt('mine.txt') ? resolve() : setTimeout(look, 5);
            look();
          });
        }
        return execute(id, args);
      };
    }
  });
}

test('a link leads to its document, also when the tabs of the last visit come back after it', async () => {
  const ada = await stage.person('ada', { files });
  const grace = await stage.person('grace', { init: restoreLate });
  await ada.open(PATH);
  await ada.openMore('mine.txt');
  const link = new URL(await ada.share());
  link.searchParams.set('path', PATH);
  await grace.follow(link.href);
  await grace.isOpen(PATH);
  await eventually(async () => {
    const tabs = await grace.page.evaluate(async () => {
      const { workspaces } = window.jupyterapp.serviceManager;
      return JSON.stringify(await workspaces.fetch('default'));
    });
    assert.match(
      tabs,
      /notebook:mine\.ipynb/,
      'the tabs that grace’s browser has kept'
    );
  });

  link.searchParams.set('path', 'mine.txt');
  await grace.follow(link.href);
  await grace.isOpen(PATH);
  assert.ok(await grace.page.evaluate(() => window.isLate), 'it came first');
  await grace.isOpen('mine.txt');
  await ada.type('mine.txt', 'more\n');
  await grace.seesSources('mine.txt', 'text\nmore\n');
});

test('a link that lost its secret is an error, and joins nothing', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  await ada.open(PATH);
  const link = new URL(await ada.share());
  link.hash = '';
  await grace.follow(link.href);
  await grace.isOpen(PATH);
  await grace.noticed(/link .* incomplete/);
  await ada.type(PATH, ' secret');
  await grace.type(PATH, ' alone');
  await grace.seesSources(PATH, ['x = 20 alone', 'second']);
  assertSilent(grace);
});

test('a wrong secret is told, and nothing is received', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  await ada.open(PATH);
  const link = new URL(await ada.share());
  await ada.type(PATH, ' secret');
  const secret = link.hash.slice('#k='.length);
  link.hash = `k=${[...secret].reverse().join('')}`;
  await grace.follow(link.href);
  await grace.isOpen(PATH);
  await grace.noticed(/another secret.*the same link, to its very end/);
  await grace.seesSources(PATH, ['x = 20', 'second']);
  assert.deepEqual(await ada.people(), [], 'who ada sees');
  assert.deepEqual(await grace.people(), [], 'who grace sees');
  await ada.meets(0);
  await grace.meets(0);
});

test('who leaves goes on alone, and so do the others', async () => {
  const [ada, grace] = await stage.persons(['ada', 'grace'], { files });
  await ada.open(PATH);
  const link = await ada.share();
  await grace.follow(link);
  await grace.isOpen(PATH);
  await Promise.all([ada.meets(1), grace.meets(1)]);
  await ada.command('jupyterlite-webrtc:leave');
  await grace.meets(0);
  assert.equal(new URL(ada.page.url()).searchParams.get('room'), null);
  await ada.type(PATH, ' ada');
  await grace.type(PATH, ' grace');
  await ada.seesSources(PATH, ['x = 20 ada', 'second']);
  await grace.seesSources(PATH, ['x = 20 grace', 'second']);
  await ada.save(PATH);
});
