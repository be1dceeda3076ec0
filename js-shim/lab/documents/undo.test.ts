/** Undo takes back what one did oneself: not the beginning, and nothing of others. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { applyNotebook } from './difference.js';
import { LocalFile, LocalNotebook } from './models.js';
import { buildSeed } from './seed.js';
import { connect, notebook } from './testing.js';

const CELLS = ['a', 'b', 'c'].map(source => ({
  cell_type: 'code',
  id: source,
  source
}));
const sources = (model: LocalNotebook) => model.cells.map(c => c.getSource());

/** Two people with one notebook, loaded from a room. */
async function two(disableDocumentWideUndoRedo: boolean) {
  const make = () => new LocalNotebook({ disableDocumentWideUndoRedo });
  const seed = await buildSeed('x.ipynb', 'notebook', notebook(CELLS), make);
  const all = [make(), make()];
  all.forEach(model => model.load(seed.update, 'room'));
  connect(...all.map(model => model.ydoc));
  all.forEach(model => ((model.undoManager as any).captureTimeout = 0));
  return all;
}

describe.each([
  ['in each cell', true],
  ['in the whole notebook', false]
])('undo %s', (_, perCell) => {
  it('does not take back the beginning', async () => {
    const [ada, grace] = await two(perCell);
    for (const model of [ada, grace]) {
      model.undo();
      model.cells.forEach(cell => cell.undo());
      expect(sources(model)).toEqual(['a', 'b', 'c']);
      expect(model.canUndo()).toBe(false);
    }
  });

  it('takes back one’s own typing, and leaves that of others in the same cell', async () => {
    const [ada, grace] = await two(perCell);
    ada.getCell(0).updateSource(1, 1, ' ada');
    grace.getCell(0).updateSource(5, 5, ' grace');
    grace.getCell(1).updateSource(1, 1, ' grace');
    ada.getCell(0).undo();
    expect(sources(grace)).toEqual(['a grace', 'b grace', 'c']);
    ada.getCell(0).undo();
    ada.undo();
    expect(sources(grace)).toEqual(['a grace', 'b grace', 'c']);
    ada.getCell(0).redo();
    expect(sources(ada)[0]).toContain(' ada');
  });

  it('takes back the deletion of a cell', async () => {
    const [ada, grace] = await two(perCell);
    ada.deleteCell(1);
    grace.getCell(0).updateSource(1, 1, ' grace');
    ada.undo();
    expect(sources(grace)).toEqual(['a grace', 'b', 'c']);
  });

  it('takes back an inserted cell, unless somebody else has written in it', async () => {
    const [ada, grace] = await two(perCell);
    ada.insertCell(1, { cell_type: 'code', source: 'mine' });
    ada.undo();
    expect(sources(grace)).toEqual(['a', 'b', 'c']);
    ada.insertCell(1, { cell_type: 'code', source: 'ours' });
    grace.getCell(1).updateSource(4, 4, ' and hers');
    ada.undo();
    expect(sources(grace)[1]).toContain(' and hers');
    expect(sources(ada)).toEqual(sources(grace));
  });

  it('leaves a moved cell where it is when somebody else has written in it', async () => {
    const [ada, grace] = await two(perCell);
    ada.moveCell(0, 2);
    ada.undo();
    expect(sources(grace)).toEqual(['a', 'b', 'c']);
    ada.moveCell(0, 2);
    grace.getCell(2).updateSource(1, 1, ' grace');
    ada.undo();
    expect(sources(ada)).toEqual(['b', 'c', 'a grace']);
    expect(sources(grace)).toEqual(['b', 'c', 'a grace']);
  });

  it('takes back a revert as a whole', async () => {
    const [ada, grace] = await two(perCell);
    applyNotebook(ada, notebook([CELLS[0], { ...CELLS[2], source: 'C' }]));
    expect(sources(grace)).toEqual(['a', 'C']);
    ada.undo();
    expect(sources(grace)).toEqual(['a', 'b', 'c']);
  });
});

it('undo in a text takes back neither the beginning nor what others typed', async () => {
  const make = () => new LocalFile();
  const seed = await buildSeed('x.txt', 'file', 'start', make);
  const [ada, grace] = [make(), make()];
  [ada, grace].forEach(model => model.load(seed.update, 'room'));
  connect(ada.ydoc, grace.ydoc);
  ada.undo();
  expect(ada.getSource()).toBe('start');
  ada.updateSource(5, 5, ' ada');
  grace.updateSource(9, 9, ' grace');
  expect(grace.getSource()).toBe('start ada grace');
  ada.undo();
  ada.undo();
  expect(grace.getSource()).toBe('start grace');
  const late = make();
  late.load(Y.encodeStateAsUpdate(ada.ydoc), 'room');
  late.undo();
  expect(late.getSource()).toBe('start grace');
});
