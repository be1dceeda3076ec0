import { YFile, YNotebook } from '@jupyter/ydoc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { coincidingUpdate } from './coincide.js';
import { applyNotebook, applyText } from './difference.js';
import { matchCells } from './matching.js';
import { LocalFile, LocalNotebook } from './models.js';
import { normaliseNotebook } from './normalise.js';
import { exchange, notebook } from './testing.js';
import { textDifference } from './text-difference.js';

const code = (id: string, source = id, more = {}) => ({
  cell_type: 'code',
  id,
  source,
  metadata: {},
  outputs: [] as object[],
  execution_count: null,
  ...more
});
const stream = (text: string) => ({
  output_type: 'stream',
  name: 'stdout',
  text
});

/** N people with the same notebook, not connected. */
function people(n: number, cells: object[]): LocalNotebook[] {
  const first = new LocalNotebook({ disableDocumentWideUndoRedo: true });
  first.setSource(notebook(cells));
  const seed = Y.encodeStateAsUpdate(first.ydoc);
  const others = Array.from({ length: n - 1 }, () => {
    const model = new LocalNotebook({ disableDocumentWideUndoRedo: true });
    model.load(seed, 'room');
    return model;
  });
  return [first, ...others];
}

const meet = (models: (YNotebook | YFile)[]) =>
  exchange(...models.map(model => model.ydoc));
const sources = (model: YNotebook) => model.cells.map(cell => cell.getSource());
const saved = (model: YNotebook) => JSON.parse(JSON.stringify(model.toJSON()));
const withoutIds = (notebook: any) => ({
  ...notebook,
  cells: notebook.cells.map(({ id, ...cell }: any) => cell)
});
/** What a file with these cells is, but for ids: a cell that stays keeps the one it has. */
const normal = (notebook: any) => withoutIds(normaliseNotebook(notebook));

describe('textDifference', () => {
  const grapheme = fc.string({ unit: 'grapheme', maxLength: 30 });
  const play = (from: string, to: string) => {
    const hunks = textDifference(from, to);
    const of = (kind: number) =>
      hunks.filter(([k]) => k !== kind).map(([, text]) => text);
    expect(of(1).join('')).toBe(from);
    expect(of(-1).join('')).toBe(to);
    hunks.forEach(([, text]) => expect(text).not.toMatch(/\p{Surrogate}/u));
    return hunks;
  };

  it('makes one text of the other and keeps surrogate pairs whole', () => {
    fc.assert(
      fc.property(grapheme, grapheme, grapheme, (a, b, c) => {
        play(a + b, a + c);
        play(a + b + c, c + a);
        play(a, c);
      })
    );
    play('a😀b', 'a😁b');
    play('👩‍👩‍👧', '👩‍👧');
  });

  it('is small', () => {
    expect(play('x = 1\ny = 2\n', 'x = 1\nz = 2\n')).toEqual([
      [0, 'x = 1\n'],
      [-1, 'y'],
      [1, 'z'],
      [0, ' = 2\n']
    ]);
  });

  it('does not take long for large texts', () => {
    const line = (n: number) => `line ${n * 7919} 😀 of a long file\n`;
    const lines = Array.from({ length: 20000 }, (_, n) => line(n));
    const changed = lines.flatMap((text, n) =>
      n % 1000 === 7 ? ['new\n', text.replace('long', 'short')] : [text]
    );
    const start = performance.now();
    const hunks = play(lines.join(''), changed.join(''));
    expect(hunks.length).toBeLessThan(200);
    const other = Array.from({ length: 20000 }, (_, n) => `${n ** 3}\n`);
    play(lines.join(''), other.join(''));
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('matchCells', () => {
  const keys = (...ids: string[]) =>
    ids.map(id => ({ id, cell_type: 'code', source: id.toLowerCase() }));

  it('keeps as many cells as possible in order', () => {
    expect(matchCells(keys('a', 'b', 'c', 'd'), keys('d', 'a', 'c'))).toEqual([
      -1, 0, 2
    ]);
    expect(matchCells(keys('a', 'A'), keys('A', 'x'))).toEqual([1, -1]);
    // By text, where no id matches.
    expect(matchCells(keys('A', 'b'), keys('a', 'b'))).toEqual([0, 1]);
    expect(matchCells([], keys('a'))).toEqual([-1]);
  });

  it('increases', () => {
    const ids = fc.array(fc.constantFrom(...'abcdef'), { maxLength: 9 });
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const match = matchCells(keys(...a), keys(...b));
        const kept = match.filter(index => index >= 0);
        expect(kept).toEqual([...new Set(kept)].sort((x, y) => x - y));
        match.forEach((index, n) =>
          expect(index < 0 || a[index] === b[n]).toBe(true)
        );
      })
    );
  });
});

const cell = fc.record({
  cell_type: fc.constantFrom('code', 'markdown', 'raw'),
  id: fc.constantFrom(...'abcdefg'),
  source: fc.string({ unit: 'grapheme', maxLength: 8 }),
  metadata: fc.dictionary(fc.constantFrom('k', 'tags'), fc.nat()),
  outputs: fc.array(fc.string({ maxLength: 4 }).map(stream), { maxLength: 2 })
});
const cells = fc.array(cell, { maxLength: 6 });

describe('applyNotebook', () => {
  it('shows what the file has, in one change that can be undone', () => {
    fc.assert(
      fc.property(cells, cells, fc.nat(), (before, after, x) => {
        const [model] = people(1, normaliseNotebook(notebook(before)).cells);
        const was = saved(model);
        const target = { ...notebook(after, 4), metadata: { x } };
        let changes = 0;
        model.undoManager.stopCapturing();
        model.undoManager.clear();
        model.ydoc.on('update', () => changes++);
        applyNotebook(model, target);
        expect(withoutIds(saved(model))).toEqual(normal(target));
        const ids = model.cells.map(cell => cell.id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(changes).toBe(1);
        applyNotebook(model, target);
        expect(changes).toBe(1);
        model.undo();
        // Notebook metadata is not undoable, in JupyterLab neither.
        expect({ ...saved(model), metadata: {} }).toEqual(was);
        model.dispose();
      }),
      { numRuns: 60 }
    );
  });

  it('keeps the cells, their editors and who is author', () => {
    const [model] = people(1, [code('a', 'one'), code('b', 'two')]);
    const [a, b] = model.cells;
    const author = model.ydoc.clientID;
    applyNotebook(model, notebook([code('a', 'ones'), code('n'), code('b')]));
    expect(model.cells[0]).toBe(a);
    expect(model.cells[2]).toBe(b);
    expect(model.ydoc.clientID).toBe(author);
    expect(model.dirty).toBe(false);
    model.setMetadata('language_info', { name: 'python' });
    applyNotebook(model, notebook([code('a', 'ones')]));
    expect(model.getMetadata('language_info')).toEqual({ name: 'python' });
  });

  it('loses nothing that a peer types', () => {
    const [a, b] = people(2, [
      code('a', 'def f():\n    return 1\n'),
      code('b', 'x = 1')
    ]);
    const file = saved(a);
    a.getCell(0).setSource('def f():\n    return 2\n');
    a.getCell(1).setSource('x = 2');
    meet([a, b]);
    // At the same time:
    b.getCell(0).updateSource(4, 4, 'typed_');
    b.getCell(1).updateSource(0, 0, 'typed ');
    b.insertCell(1, code('mine', 'typed') as any);
    applyNotebook(a, file);
    meet([a, b]);
    expect(sources(a)).toEqual([
      'def typed_f():\n    return 1\n',
      'typed',
      'typed x = 1'
    ]);
    expect(sources(b)).toEqual(sources(a));
  });

  it('is one revert when two revert, whatever else they have', () => {
    fc.assert(
      fc.property(
        cells,
        cells,
        fc.string({ minLength: 1, maxLength: 5 }),
        (before, after, typed) => {
          const models = people(3, normaliseNotebook(notebook(before)).cells);
          const [a, b, c] = models;
          // Somebody else is busy in a cell that the revert does not touch.
          const both = [code('busy', 'quiet')];
          models[0].insertCells(0, both as any);
          meet(models);
          b.getCell(0).setMetadata('tags', [typed]);
          c.getCell(0).updateSource(0, 0, typed);
          const target = notebook([...both, ...after]);
          applyNotebook(a, target);
          applyNotebook(b, target);
          meet(models);
          models.forEach(model => {
            const { cells } = withoutIds(saved(model));
            expect(cells[0].source).toBe(`${typed}quiet`);
            expect(cells.slice(1)).toEqual(normal(target).cells.slice(1));
            expect(model.cells.map(cell => cell.id)).toEqual(
              a.cells.map(cell => cell.id)
            );
            model.dispose();
          });
        }
      ),
      { numRuns: 60 }
    );
  });

  it('can be done again after it was undone or lost', () => {
    const [a, b] = people(2, [code('a')]);
    const target = notebook([code('a'), code('b')]);
    for (let round = 0; round < 3; round++) {
      applyNotebook(a, target);
      applyNotebook(b, target);
      meet([a, b]);
      expect(sources(a)).toEqual(['a', 'b']);
      a.deleteCell(1);
      meet([a, b]);
      expect(sources(b)).toEqual(['a']);
    }
  });

  it('takes trust from the file, and no other', () => {
    const html = (text: string) => ({
      output_type: 'display_data',
      data: { 'text/html': text },
      metadata: {}
    });
    const trusted = { metadata: { trusted: true } };
    const [model] = people(1, [
      code('same', '', { outputs: [html('1')], ...trusted }),
      code('other', '', { outputs: [html('2')], ...trusted }),
      code('mine', '', { outputs: [html('3')] })
    ]);
    const trust = () =>
      model.cells.map(cell => cell.getMetadata('trusted') === true);
    expect(trust()).toEqual([true, true, false]);
    applyNotebook(
      model,
      notebook([
        code('same', '', { outputs: [html('1')] }),
        code('other', '', { outputs: [html('<script>')] }),
        code('mine', '', { outputs: [html('4')], ...trusted }),
        code('new', '', { outputs: [html('5')], ...trusted })
      ])
    );
    expect(trust()).toEqual([true, false, true, true]);
    expect(JSON.stringify(model.ydoc.getArray('cells'))).not.toContain(
      'trusted'
    );
  });
});

describe('applyText', () => {
  it('is the smallest change, and one when two make it', () => {
    const grapheme = fc.string({ unit: 'grapheme', maxLength: 20 });
    fc.assert(
      fc.property(grapheme, grapheme, grapheme, (before, after, typed) => {
        const files = [new LocalFile(), new LocalFile(), new LocalFile()];
        files[0].setSource(`${before}\nend`);
        meet(files);
        const end = files[2].getSource().length;
        files[2].updateSource(end, end, typed);
        applyText(files[0], `${after}\r\nend`);
        applyText(files[1], `${after}\nend`);
        meet(files);
        const expected = new LocalFile();
        expected.setSource(`${after}\nend${typed}`);
        files.forEach(file =>
          expect(file.getSource()).toBe(expected.getSource())
        );
        files[0].undo();
        meet(files);
        expect(files[1].getSource()).toBe(files[0].getSource());
      })
    );
  });

  it('is one although only one of two saw what a third typed', () => {
    const files = [new LocalFile(), new LocalFile(), new LocalFile()];
    const [a, b, c] = files;
    a.setSource('abcX end');
    meet(files);
    c.updateSource(4, 4, 'Y');
    meet([b, c]);
    applyText(a, 'abcQ end');
    applyText(b, 'abcQ end');
    meet(files);
    files.forEach(file => expect(file.getSource()).toBe('abcQ end'));
  });

  it('leaves an equal text alone', () => {
    const file = new LocalFile();
    file.setSource('a\nb');
    file.ydoc.on('update', () => expect.unreachable());
    applyText(file, 'a\r\nb');
  });
});

it('a coinciding update leaves the document alone', () => {
  const doc = new Y.Doc();
  doc.getText('source').insert(0, 'abc');
  const before = Y.encodeStateAsUpdate(doc);
  const edit = (copy: Y.Doc, step: any) =>
    step('x', () => copy.getText('source').insert(1, 'x'));
  const [one, two] = [1, 2].map(() => coincidingUpdate(doc, edit));
  expect(one).toEqual(two);
  expect(Y.encodeStateAsUpdate(doc)).toEqual(before);
  Y.applyUpdate(doc, one);
  Y.applyUpdate(doc, two);
  expect(doc.getText('source').toString()).toBe('axbc');
});
