import { YFile, YNotebook } from '@jupyter/ydoc';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { LocalFile, LocalNotebook } from './models.js';
import { connect, exchange, notebook } from './testing.js';

const code = (id: string, source = '', more = {}) => ({
  cell_type: 'code',
  id,
  source,
  metadata: {},
  outputs: [],
  execution_count: null,
  ...more
});

function open(cells: object[] = [], options = {}): LocalNotebook {
  const model = new LocalNotebook({
    disableDocumentWideUndoRedo: true,
    ...options
  });
  if (cells.length > 0) {
    model.setSource(notebook(cells));
  }
  return model;
}

const ids = (model: YNotebook) => model.cells.map(cell => cell.getId());

describe('a local notebook without a room', () => {
  it.each([true, false])('does what YNotebook does (%s)', wide => {
    const options = { disableDocumentWideUndoRedo: wide };
    const models = [new YNotebook(options), new LocalNotebook(options)];
    const seen = models.map(() => [] as unknown[]);
    models.forEach((model, n) =>
      model.changed.connect((_, { cellsChange, ...change }) => {
        const states = change.stateChange?.filter(
          s => s.oldValue !== s.newValue
        );
        if (cellsChange) {
          seen[n].push(
            cellsChange.map(d => (d.insert ? { insert: d.insert.length } : d))
          );
        } else if (states?.length) {
          seen[n].push(states);
        }
      })
    );
    const each = (f: (model: YNotebook) => unknown) => {
      const [expected, actual] = models.map(f);
      expect(actual).toEqual(expected);
      const [a, b] = models.map(model => [model.toJSON(), model.dirty]);
      expect(b).toEqual(a);
    };
    each(model =>
      model.setSource(
        notebook([
          code('a', 'x', {
            metadata: { trusted: true, collapsed: true, tags: ['t'] },
            outputs: [
              { output_type: 'stream', name: 'stdout', text: 'hi' },
              { output_type: 'error', ename: 'E', evalue: '', traceback: [] }
            ],
            execution_count: 3
          }),
          {
            cell_type: 'markdown',
            id: 'b',
            source: ['l1\n', 'l2'],
            metadata: {},
            attachments: { 'a.png': { 'image/png': 'aGk=' } }
          },
          {
            cell_type: 'raw',
            id: 'c',
            source: 'r',
            metadata: { trusted: true }
          }
        ])
      )
    );
    each(model => model.moveCell(0, 2));
    each(model => model.moveCells(1, 0, 2));
    each(model => model.getCell(0).setMetadata('k', { v: 1 }));
    each(model => model.getCell(0).getMetadata());
    each(model => model.getCell(0).setMetadata({ ...model.metadata, z: 1 }));
    each(model => model.getCell(0).deleteMetadata('k'));
    each(model => model.insertCell(1, code('d', 'new') as any).toJSON());
    each(model =>
      model.transact(() => {
        model.deleteCell(0);
        model.insertCell(0, code('e', 'typed') as any).setSource('changed');
      })
    );
    each(model => model.undo());
    each(model => model.redo());
    each(model => model.getCell(1).setSource('y'));
    each(model => model.getCell(1).undo());
    each(model => (model.dirty = false));
    each(model => model.setState('path', 'x'));
    each(model => model.state);
    each(model => model.deleteCellRange(0, model.cells.length));
    expect(seen[1]).toEqual(seen[0]);
    models.forEach(model => model.dispose());
    expect(models[1].isDisposed).toBe(true);
  });
});

describe('state', () => {
  it('is local to a page', () => {
    const [a, b] = [open([code('a')]), open()];
    b.load(Y.encodeStateAsUpdate(a.ydoc), 'room');
    connect(a.ydoc, b.ydoc);
    expect([a.dirty, b.dirty]).toEqual([false, false]);
    const changes: unknown[] = [];
    b.changed.connect((_, change) => {
      changes.push(...(change.stateChange ?? []));
    });
    a.setState('path', 'evil');
    a.dirty = true;
    expect(changes).toEqual([]);
    a.getCell(0).setSource('x');
    // My drive lacks what a peer wrote.
    expect(b.dirty).toBe(true);
    a.dirty = false;
    expect(b.dirty).toBe(true);
    expect(b.getState('path')).toBe(undefined);
  });

  it('does not listen to a peer who shares it', () => {
    const [file, evil] = [new LocalFile(), new YFile()];
    connect(file.ydoc, evil.ydoc);
    const changes: unknown[] = [];
    file.changed.connect((_, change) => {
      changes.push(...(change.stateChange ?? []));
    });
    for (const key of ['path', 'hash', 'file_id', 'document_id', 'dirty']) {
      evil.setState(key, 'evil');
    }
    expect(changes).toEqual([]);
    expect(file.state).toEqual({});
    expect(file.dirty).toBe(false);
    evil.setSource('text');
    expect(file.dirty).toBe(true);
    evil.setState('dirty', false);
    expect(file.dirty).toBe(true);
  });

  it('is what an editor reaches through the document', () => {
    const [a, b] = [new LocalFile(), new LocalFile()];
    connect(a.ydoc, b.ydoc);
    const sent: unknown[] = [];
    a.ydoc.on('update', update => sent.push(update));
    // As in @jupyterlab/codemirror's ybinding.
    a.ydoc.transact(() => a.ydoc.getMap('state').set('dirty', true), {});
    expect(a.dirty).toBe(true);
    expect(b.dirty).toBe(false);
    expect(sent).toEqual([]);
    expect(a.ydoc.getMap('other')).not.toBe(a.ystate);
  });

  it('ignores that a peer runs a cell', () => {
    const [a, b] = [open([code('a')]), open()];
    b.load(Y.encodeStateAsUpdate(a.ydoc), 'room');
    connect(a.ydoc, b.ydoc);
    (a.getCell(0) as any).executionState = 'running';
    expect((b.getCell(0) as any).executionState).toBe('running');
    expect(b.dirty).toBe(false);
    (a.getCell(0) as any).setOutputs([{ output_type: 'x' }]);
    expect(b.dirty).toBe(true);
  });
});

describe('the default cell', () => {
  /** What JupyterLab's notebook widget does a frame after the last cell went. */
  const frame = (...models: YNotebook[]) =>
    models.forEach(model => {
      if (model.cells.length === 0) {
        model.insertCell(0, { cell_type: 'code', metadata: { trusted: true } });
      }
    });
  const three = () => {
    const [a, b, c] = [open([code('x', '1'), code('y', '2')]), open(), open()];
    const seed = Y.encodeStateAsUpdate(a.ydoc);
    [b, c].forEach(model => model.load(seed, 'room'));
    return [a, b, c];
  };

  it('is one when all see one person delete all cells', () => {
    const models = three();
    connect(...models.map(model => model.ydoc));
    models[0].deleteCellRange(0, 2);
    frame(...models);
    models.forEach(model => expect(model.cells.length).toBe(1));
    expect(new Set(models.flatMap(ids)).size).toBe(1);
  });

  it('is one when three do so at the same time, and again', () => {
    const models = three();
    for (let round = 0; round < 3; round++) {
      models.forEach(model => model.deleteCellRange(0, model.cells.length));
      frame(...models);
      exchange(...models.map(model => model.ydoc));
      models.forEach(model => expect(model.cells.length).toBe(1));
      expect(new Set(models.flatMap(ids)).size).toBe(1);
      models[round].getCell(0).setSource(`round ${round}`);
      exchange(...models.map(model => model.ydoc));
      models.forEach(m =>
        expect(m.getCell(0).getSource()).toBe(`round ${round}`)
      );
    }
  });

  it('is one when JupyterLab inserts it while it deletes', () => {
    const models = three();
    models.slice(0, 2).forEach(model =>
      model.transact(() => {
        model.deleteCell(1);
        model.deleteCell(0);
        const cell = model.insertCell(0, {
          cell_type: 'code',
          metadata: { trusted: true }
        });
        expect(cell.getMetadata('trusted')).toBe(true);
        expect(cell.notebook).toBe(model);
      })
    );
    const clientID = models[0].ydoc.clientID;
    exchange(...models.map(model => model.ydoc));
    expect(models[0].ydoc.clientID).toBe(clientID);
    models.forEach(model => expect(model.cells.length).toBe(1));
  });

  it('leaves the list of cells in order', () => {
    const [a] = three();
    // Yjs remembers where in a list it last was; applying an update has to make it forget.
    a.insertCells(2, [code('m'), code('n'), code('o')] as any);
    a.deleteCell(4);
    a.deleteCellRange(0, 4);
    frame(a);
    a.insertCells(1, [code('p'), code('q'), code('r')] as any);
    a.deleteCell(2);
    a.moveCell(2, 0);
    expect(ids(a).slice(0, 1).concat(ids(a).slice(2))).toEqual(['r', 'p']);
  });

  it('is there although who emptied the notebook has left', () => {
    const [a, b, c] = three();
    a.deleteCellRange(0, 2);
    exchange(a.ydoc, b.ydoc, c.ydoc);
    a.dispose();
    frame(b, c);
    exchange(b.ydoc, c.ydoc);
    expect(ids(b)).toEqual(ids(c));
    expect(b.cells.length).toBe(1);
    b.getCell(0).setSource('alive');
    exchange(b.ydoc, c.ydoc);
    expect(c.getCell(0).getSource()).toBe('alive');
  });

  it('goes when the deletion is undone, and only by who deleted', () => {
    const [a, b, c] = three();
    a.undoManager.stopCapturing();
    const stop = connect(a.ydoc, b.ydoc, c.ydoc);
    a.deleteCellRange(0, 2);
    frame(a, b, c);
    expect(b.canUndo()).toBe(false);
    a.undo();
    [a, b, c].forEach(model => expect(ids(model)).toEqual(['x', 'y']));
    stop();
  });

  it('is a placeholder until something is loaded', () => {
    const seed = Y.encodeStateAsUpdate(open([code('x', '1')]).ydoc);
    const [a, b] = [open(), open()];
    frame(a, b);
    a.load(seed, 'room');
    b.load(seed, 'room');
    expect(ids(a)).toEqual(['x']);
    expect(a.canUndo()).toBe(false);
    expect(a.dirty).toBe(false);
    // Both leave the same trace in the document.
    expect(Y.encodeStateAsUpdate(a.ydoc)).toEqual(
      Y.encodeStateAsUpdate(b.ydoc)
    );
  });

  it('stays when a person typed into it, or when it is the document', () => {
    const seed = Y.encodeStateAsUpdate(open([code('x', '1')]).ydoc);
    const typed = open();
    frame(typed);
    typed.getCell(0).setSource('early');
    typed.load(seed, 'room');
    expect(typed.cells.map(cell => cell.getSource()).sort()).toEqual([
      '1',
      'early'
    ]);
    const [a, b] = [open(), open()];
    frame(a, b);
    a.insertCell(1, code('more') as any);
    b.load(Y.encodeStateAsUpdate(a.ydoc), 'room');
    expect(ids(b)).toEqual(ids(a));
    expect(b.cells.length).toBe(2);
  });
});
