import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { applyNotebook } from './difference.js';
import { LocalNotebook } from './models.js';
import { connect, notebook } from './testing.js';

const good = {
  cell_type: 'code',
  id: 'good',
  source: 'x',
  metadata: {},
  outputs: [],
  execution_count: null
};

describe('something that is no cell', () => {
  const doors: [string, (cells: Y.Array<any>) => void][] = [
    ['empty map', cells => cells.insert(0, [new Y.Map()])],
    ['number', cells => cells.insert(0, [1])],
    ['array', cells => cells.insert(0, [new Y.Array()])],
    ['text', cells => cells.insert(0, [new Y.Text('x')])],
    [
      'unknown type',
      cells =>
        cells.insert(0, [
          new Y.Map<any>([
            ['id', 'i'],
            ['cell_type', 'heading'],
            ['source', new Y.Text('x')],
            ['metadata', new Y.Map()]
          ])
        ])
    ],
    ['no source', cells => cells.get(0).delete('source')],
    ['plain source', cells => cells.get(0).set('source', 'x')],
    ['no metadata', cells => cells.get(0).delete('metadata')],
    ['no outputs', cells => cells.get(0).delete('outputs')],
    ['no id', cells => cells.get(0).delete('id')],
    ['other type', cells => cells.get(0).set('cell_type', 7)]
  ];

  it.each(doors)('harms no other: %s', (_, open) => {
    const model = new LocalNotebook({ disableDocumentWideUndoRedo: true });
    model.setSource(notebook([good, { ...good, id: 'last' }]));
    const peer = new Y.Doc();
    connect(model.ydoc, peer);
    open(peer.getArray('cells'));
    const last = model.cells[model.cells.length - 1];
    expect(last.getId()).toBe('last');
    last.setSource('still alive');
    expect(model.cells.length).toBe(peer.getArray('cells').length);
    expect(() => JSON.stringify(model.toJSON())).not.toThrow();
    // A person can throw it out.
    model.deleteCell(0);
    expect(model.cells.map(cell => cell.getSource())).toContain('still alive');
  });
});

it('metadata that is none keeps nobody from saving', () => {
  for (const junk of [1, null, 'x', new Y.Array()]) {
    const model = new LocalNotebook();
    model.setSource(notebook([good]));
    const peer = new Y.Doc();
    connect(model.ydoc, peer);
    peer.getMap('meta').set('metadata', junk);
    expect(model.getMetadata('kernelspec')).toBe(undefined);
    model.setMetadata('language_info', { name: '' });
    expect(model.toJSON().metadata).toEqual({ language_info: { name: '' } });
    applyNotebook(model, notebook([good]));
    expect(model.cells.length).toBe(1);
  }
});

it('a revert throws out what is no cell', () => {
  const model = new LocalNotebook();
  model.setSource(notebook([good]));
  model.ydoc.getArray<any>('cells').insert(0, [new Y.Map(), 7]);
  expect(model.cells.length).toBe(3);
  applyNotebook(model, notebook([good]));
  expect(model.cells.map(cell => cell.getId())).toEqual(['good']);
});
