import { YDocument, YFile, YNotebook } from '@jupyter/ydoc';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { LocalFile, LocalNotebook } from './models.js';
import { normaliseNotebook, sameContent } from './normalise.js';
import {
  buildSeed,
  buildUnsharedSeed,
  liveGenesis,
  NotDeterministicError
} from './seed.js';
import { exchange, notebook, shuffledKeys } from './testing.js';

const newNotebook = () =>
  new LocalNotebook({ disableDocumentWideUndoRedo: true });
const newFile = () => new LocalFile();
const sha256 = (bytes: Uint8Array | string) =>
  createHash('sha256').update(bytes).digest('hex');
/** The id of what begins at the path `a` with `update`. */
const idOf = (update: Uint8Array) => sha256(`${sha256(update)} a`);

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const lines = fc.oneof(text, fc.array(text, { maxLength: 3 }));
const output = fc.oneof(
  fc.record({
    output_type: fc.constant('stream'),
    name: fc.constantFrom('stdout', 'stderr'),
    text: lines
  }),
  fc.record({
    output_type: fc.constant('display_data'),
    metadata: fc.dictionary(text, fc.jsonValue({ maxDepth: 1 })),
    data: fc.record({
      'text/plain': lines,
      'application/vnd.x+json': fc.jsonValue({ maxDepth: 2 })
    })
  })
);
const metadata = fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 4
});
const cell = fc.oneof(
  fc.record({
    cell_type: fc.constant('code'),
    source: lines,
    metadata,
    execution_count: fc.option(fc.nat()),
    outputs: fc.array(output, { maxLength: 3 })
  }),
  fc.record({
    cell_type: fc.constantFrom('markdown', 'raw'),
    source: lines,
    metadata,
    attachments: fc.dictionary(text, fc.record({ 'image/png': text }))
  })
);
/** Notebooks of nbformat 4.4, whose cells have no ids. */
const anyNotebook = fc
  .record({ cells: fc.array(cell, { maxLength: 5 }), metadata })
  .map(({ cells, metadata }) => ({ ...notebook(cells, 4), metadata }));

describe('seeds of the same notebook', () => {
  it('are the same bytes, and once in a document', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyNotebook,
        fc.array(fc.nat(), { minLength: 2, maxLength: 4 }),
        async (content, orders) => {
          const before = JSON.stringify(content);
          const seeds = await Promise.all(
            orders.map(order =>
              buildSeed(
                'a',
                'notebook',
                shuffledKeys(content, order),
                newNotebook
              )
            )
          );
          expect(JSON.stringify(content)).toBe(before);
          const models = seeds.map(({ genesis, update }) => {
            expect(update).toEqual(seeds[0].update);
            expect(genesis).toBe(idOf(update));
            const model = newNotebook();
            model.load(update, 'room');
            return model;
          });
          exchange(...models.map(model => model.ydoc));
          models.forEach(model => {
            expect(sameContent(model.toJSON(), content)).toBe(true);
            expect(model.cells.length).toBe(content.cells.length);
            model.dispose();
          });
        }
      ),
      { numRuns: 60 }
    );
  }, 30000);

  it('hold what the notebook holds', async () => {
    await fc.assert(
      fc.asyncProperty(anyNotebook, async content => {
        const { update } = await buildSeed(
          'a',
          'notebook',
          content,
          newNotebook
        );
        const model = newNotebook();
        model.load(update, 'room');
        const saved = JSON.parse(JSON.stringify(model.toJSON()));
        expect(saved).toEqual(normaliseNotebook(content));
        model.dispose();
      }),
      { numRuns: 60 }
    );
  }, 30000);

  it('are not those of another', async () => {
    const cells = [{ cell_type: 'code', source: 'a', metadata: {} }];
    const contents = [
      notebook(cells),
      { ...notebook(cells), metadata: { x: 1 } },
      notebook([{ ...cells[0], source: 'b' }]),
      notebook([{ ...cells[0], metadata: { x: 1 } }]),
      notebook([])
    ];
    const seeds = await Promise.all(
      contents.map(content => buildSeed('a', 'notebook', content, newNotebook))
    );
    expect(new Set(seeds.map(seed => seed.genesis)).size).toBe(5);
    const clients = seeds.map(({ update }) =>
      [
        ...Y.decodeStateVector(Y.encodeStateVectorFromUpdate(update)).keys()
      ].join()
    );
    expect(new Set(clients).size).toBe(5);
  });
});

describe('a seeded document', () => {
  it('has nothing to undo and is its own author', async () => {
    const content = notebook([
      { cell_type: 'code', source: 'a', metadata: {} }
    ]);
    const { update } = await buildSeed('a', 'notebook', content, newNotebook);
    const model = newNotebook();
    const author = model.ydoc.clientID;
    model.load(update, 'room');
    expect(model.ydoc.clientID).toBe(author);
    expect([model.canUndo(), model.getCell(0).canUndo()]).toEqual([
      false,
      false
    ]);
    expect([model.undo(), model.getCell(0).undo()]).toEqual([false, false]);
    expect(model.getCell(0).getSource()).toBe('a');
    expect(model.dirty).toBe(false);
  });

  it('holds no state and no trust', async () => {
    const content = notebook([
      { cell_type: 'code', source: '', metadata: { trusted: true } }
    ]);
    for (const factory of [newNotebook, () => new YNotebook()]) {
      const { update } = await buildSeed('a', 'notebook', content, factory);
      const doc = new Y.Doc();
      Y.applyUpdate(doc, update);
      expect(doc.getMap('state').toJSON()).toEqual({});
      expect(JSON.stringify(doc.getArray('cells'))).not.toContain('trusted');
    }
  });
});

describe('seeds of texts', () => {
  it('do not depend on line endings', async () => {
    const [a, b, c] = await Promise.all(
      ['x\r\n日本語 😀\r\n', 'x\n日本語 😀\n', 'x\n'].map(content =>
        buildSeed('a', 'file', content, newFile)
      )
    );
    expect(a).toEqual(b);
    expect(c.genesis).not.toBe(b.genesis);
    const file = newFile();
    file.load(a.update, 'room');
    file.load(b.update, 'room');
    expect(file.getSource()).toBe('x\n日本語 😀\n');
    expect(file.undo()).toBe(false);
  });

  it('survive half an emoji and nothing at all', async () => {
    const file = newFile();
    file.load(
      (await buildSeed('a', 'file', 'a\uD83D', newFile)).update,
      'room'
    );
    expect(file.getSource()).toBe('a\uFFFD');
    const empty = await buildSeed('a', 'file', '', newFile);
    expect(empty.genesis).toBe(idOf(empty.update));
  });
});

describe('two files of the same content', () => {
  it('are two documents', async () => {
    const [a, b] = await Promise.all(
      ['a', 'b'].map(path => buildSeed(path, 'file', '', newFile))
    );
    expect(a.genesis).not.toBe(b.genesis);
  });
});

describe('documents of other extensions', () => {
  class Dated extends YFile {
    override setSource(value: string) {
      super.setSource(value + Math.random());
    }
  }
  class BornWith extends YFile {
    constructor() {
      super();
      this.ydoc.getMap('options').set('theme', 'light');
    }
  }
  class Json extends YDocument<any> {
    version = '1';
    getSource = () => this.ydoc.getMap('x').toJSON();
    setSource(value: any) {
      Object.entries(value).forEach(entry =>
        this.ydoc.getMap('x').set(...(entry as [string, unknown]))
      );
      this.dirty = true;
    }
  }

  it('may be deterministic', async () => {
    const a = await buildSeed('a', 'json', { a: 1, b: 2 }, () => new Json());
    const b = await buildSeed('a', 'json', { b: 2, a: 1 }, () => new Json());
    expect(a).toEqual(b);
  });

  it.each([Dated, BornWith])('are refused if they are not', async Type => {
    const factory = () => new Type();
    await expect(buildSeed('a', 'odd', 'x', factory)).rejects.toThrow(
      NotDeterministicError
    );
    const { genesis, update } = await buildUnsharedSeed(
      'a',
      'odd',
      'x',
      factory
    );
    expect(genesis).toBe(idOf(update));
    const doc = new Y.Doc();
    Y.applyUpdate(doc, update);
    expect(doc.getText('source').toString()[0]).toBe('x');
  });
});

describe('liveGenesis', () => {
  it('is the document as it is, without state', async () => {
    const live = new YNotebook();
    live.setSource(notebook([{ cell_type: 'code', source: 'a' }]));
    live.setState('path', 'mine.ipynb');
    live.getCell(0).setSource('b');
    const { genesis, update } = await liveGenesis('a', live.ydoc);
    expect(genesis).toBe(idOf(update));
    const doc = new Y.Doc();
    Y.applyUpdate(doc, update);
    expect(doc.getMap('state').toJSON()).toEqual({});
    expect(live.getState('path')).toBe('mine.ipynb');
    // It is the history of the live document: attaching doubles nothing.
    Y.applyUpdate(live.ydoc, update);
    expect(live.cells.map(cell => cell.getSource())).toEqual(['b']);

    const own = newNotebook();
    own.setSource(notebook([{ cell_type: 'code', source: 'a' }]));
    own.dirty = true;
    const seed = await liveGenesis('a', own.ydoc);
    expect(seed.update).toEqual(Y.encodeStateAsUpdate(own.ydoc));
  });
});
