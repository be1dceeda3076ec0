/** What is saved is what is on the screen, and a notebook to everybody else's tools. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assertSameNotebook, markdown, notebook } from './notebooks.mjs';
import { eventually } from './waiting.mjs';
import { freshRoom, useStage } from './site.mjs';

const stage = await useStage();
const PATH = 'valid.ipynb';
const VENV = new URL('../../.venv/bin/python', import.meta.url).pathname;

/** Validate a notebook as Jupyter's own library does; throws with what it says. */
function validate(content) {
  const script =
    'import json, sys, nbformat; nbformat.validate(json.load(sys.stdin))';
  execFileSync(existsSync(VENV) ? VENV : 'python3', ['-c', script], {
    input: JSON.stringify(content),
    stdio: ['pipe', 'ignore', 'pipe']
  });
}

test('two edit and run; each file is valid, and what both see; so is the download', async () => {
  // Of an old format, without ids, with lines as lists.
  const old = notebook('1 + 1', markdown('# Title'));
  old.nbformat_minor = 2;
  old.cells.forEach(cell => {
    delete cell.id;
    cell.source = [cell.source];
  });
  const [ada, grace] = await stage.persons(['ada', 'grace'], {
    files: { [PATH]: old },
    settings: {
      '@jupyterlab/docmanager-extension:plugin': { autosave: false }
    }
  });
  const room = freshRoom();
  await Promise.all([ada.open(PATH, { room }), grace.open(PATH, { room })]);
  await Promise.all([ada.meets(1), grace.meets(1)]);

  await grace.type(PATH, ' of both', 1);
  await ada.sees(PATH, '# Title of both');
  await ada.enter(PATH, 0);
  await ada.page.keyboard.press('Control+Enter');
  await grace.until(
    PATH,
    (_, model) => model.getCell(0).execution_count === 1,
    undefined,
    'a count'
  );
  await grace.run(PATH, (_, model) =>
    model.insertCell(2, { cell_type: 'raw', source: 'raw' })
  );
  await ada.sees(PATH, 'raw');

  for (const one of [ada, grace]) {
    await one.command('docmanager:save');
    await one.isClean(PATH);
    const file = await one.file(PATH);
    assert.doesNotThrow(() => validate(file), `${one.name}'s file`);
    assertSameNotebook(file, await one.content(PATH), one.name);
    const checkpoints = await one.run(PATH, widget =>
      widget.context.listCheckpoints().then(all => all.length)
    );
    assert.ok(checkpoints > 0, `${one.name} has no checkpoint`);
  }
  assert.ok(!JSON.stringify(await ada.file(PATH)).includes('"run"'));

  const coming = ada.page.waitForEvent('download');
  await ada.command('docmanager:download');
  const download = await coming;
  const saved = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.doesNotThrow(() => validate(saved), 'the download');
  assertSameNotebook(saved, await ada.content(PATH), 'the download');

  // Closed and opened again, it is the same.
  const before = await grace.content(PATH);
  await grace.command('docmanager:close').catch(() => undefined);
  await grace.open(PATH, { room });
  await eventually(async () =>
    assertSameNotebook(await grace.content(PATH), before, 'grace again')
  );
  assert.deepEqual([...ada.dialogs, ...grace.dialogs], [], 'dialogs');
});

test('a notebook that is none is found out', () => {
  assert.throws(() => validate({ nbformat: 4, cells: 'none' }));
});
