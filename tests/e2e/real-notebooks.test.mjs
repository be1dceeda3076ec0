/** Notebooks that others wrote, opened by two at the same instant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSameNotebook } from './notebooks.mjs';
import { fetchNotebooks, NOTEBOOKS, readNotebook } from './real-notebooks.mjs';
import { freshRoom, useStage } from './site.mjs';
import { eventually } from './waiting.mjs';

fetchNotebooks();
const stage = await useStage();
const all = Object.entries(NOTEBOOKS).map(([what, file], index) => ({
  what,
  path: `notebook-${index}.ipynb`,
  content: readNotebook(file)
}));

const [ada, grace] = await stage.persons(['ada', 'grace'], {
  files: Object.fromEntries(all.map(({ path, content }) => [path, content]))
});
ada.stays = grace.stays = true;
const room = freshRoom();

for (const { what, path, content } of all) {
  test(`a notebook with ${what}`, async () => {
    const open = one =>
      one.requests.length === 1 ? one.open(path, { room }) : one.openMore(path);
    await Promise.all([open(ada), open(grace)]);
    await Promise.all([ada.meets(1), grace.meets(1)]);
    for (const one of [ada, grace]) {
      assertSameNotebook(await one.content(path), content, one.name);
    }

    const edit = (_, model, name) => {
      model.getCell(0).setSource(`${model.getCell(0).getSource()} ${name}`);
      model.insertCell(model.cells.length, {
        cell_type: 'raw',
        source: `by ${name}`
      });
    };
    await ada.run(path, edit, 'ada 🦊');
    await grace.sees(path, 'by ada 🦊');
    await grace.run(path, edit, 'grace ж');
    await ada.sees(path, 'by grace ж');
    const [first, ...rest] = content.cells;
    const expected = {
      ...content,
      cells: [
        {
          ...first,
          source: `${[first.source].flat().join('')} ada 🦊 grace ж`
        },
        ...rest,
        { cell_type: 'raw', source: 'by ada 🦊' },
        { cell_type: 'raw', source: 'by grace ж' }
      ]
    };
    await eventually(async () => {
      for (const one of [ada, grace]) {
        assertSameNotebook(await one.content(path), expected, one.name);
      }
    });

    await Promise.all(
      [ada, grace].map(one => one.run(path, widget => widget.context.save()))
    );
    for (const one of [ada, grace]) {
      await one.isClean(path);
      assertSameNotebook(
        await one.file(path),
        expected,
        `the drive of ${one.name}`
      );
      const copies = (await one.files()).filter(name => /copy/.test(name));
      assert.deepEqual(copies, [], `copies on ${one.name}'s drive`);
      // There is no kernel of that name here.
      const asked = one.dialogs.filter(text => !/^Select kernel/.test(text));
      assert.deepEqual(asked, [], `what ${one.name} was asked`);
      assert.deepEqual(one.warnings, [], `what ${one.name} was told`);
    }
  });
}
