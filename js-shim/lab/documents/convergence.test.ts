// @vitest-environment jsdom
import { NotebookModel } from '@jupyterlab/notebook/lib/model.js';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { applyNotebook } from './difference.js';
import { LocalNotebook } from './models.js';
import { buildSeed } from './seed.js';
import { exchange, notebook } from './testing.js';
import { followTrust } from './trust.js';

vi.hoisted(() => {
  (globalThis as any).DragEvent ??= class extends MouseEvent {};
  window.matchMedia ??= () => ({ matches: false, addListener() {} }) as any;
});

const newNotebook = () =>
  new LocalNotebook({ disableDocumentWideUndoRedo: true });
const code = (id: string, source = id, texts: string[] = []): any => ({
  cell_type: 'code',
  id,
  source,
  metadata: {},
  execution_count: null,
  outputs: texts.map(text => ({
    output_type: 'display_data',
    data: { 'text/html': text },
    metadata: {}
  }))
});
const files = [
  notebook([code('a'), code('b', 'x', ['1']), code('c')]),
  notebook([code('c', 'other'), code('b', 'xyz', ['2', '1'])], 4),
  notebook([])
];

/** One person's page: JupyterLab's model on top of ours, and what its widget does. */
class Page {
  constructor(seed: Uint8Array) {
    followTrust(this.model);
    this.widget();
    this.shared.load(seed, 'room');
  }

  /** JupyterLab's notebook widget keeps a cell in every notebook. */
  widget() {
    if (this.shared.cells.length === 0) {
      this.shared.insertCell(0, {
        cell_type: 'code',
        metadata: { trusted: true }
      });
    }
  }

  act(action: number, n: number) {
    const { shared } = this;
    const length = shared.cells.length;
    const at = n % Math.max(1, length);
    const lab = this.model.cells.get(at) as any;
    const actions: (() => unknown)[] = [
      () => shared.insertCell(at, code(`new-${n}-${shared.ydoc.clientID}`)),
      () => shared.cells[at]?.updateSource(0, 0, `${n} `),
      () => length > 0 && shared.deleteCell(at),
      () => length > 1 && shared.moveCell(at, (at + 1) % length),
      () => shared.deleteCellRange(0, length),
      () => applyNotebook(shared, files[n % files.length]),
      () => shared.undo(),
      () => shared.redo(),
      () => lab?.type === 'code' && lab.clearExecution(),
      () =>
        lab?.type === 'code' && lab.outputs.add(code('', '', ['3']).outputs[0]),
      () => lab && (lab.trusted = true),
      () => this.widget()
    ];
    actions[action % actions.length]();
  }

  readonly shared = newNotebook();
  readonly model = new NotebookModel({ sharedModel: this.shared });
}

it('people who do anything in any order end with one document', async () => {
  const { update } = await buildSeed('a', 'notebook', files[0], newNotebook);
  const step = fc.tuple(fc.nat(2), fc.nat(11), fc.nat(9), fc.nat(9));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const pages = [1, 2, 3].map(() => new Page(update));
      const docs = pages.map(page => page.shared.ydoc);
      const authors = docs.map(doc => doc.clientID);
      for (const [who, action, n, sync] of steps) {
        pages[who].act(action, n);
        if (sync < 3) {
          exchange(docs[sync], docs[(sync + 1) % 3]);
        }
      }
      exchange(...docs);
      pages.forEach(page => page.widget());
      exchange(...docs);
      const contents = docs.map(doc => ({
        cells: doc.getArray('cells').toJSON(),
        meta: doc.share.get('meta')!.toJSON()
      }));
      expect(contents[1]).toEqual(contents[0]);
      expect(contents[2]).toEqual(contents[0]);
      expect(contents[0].cells.length).toBeGreaterThan(0);
      expect(JSON.stringify(contents)).not.toContain('trusted');
      expect(docs.map(doc => doc.clientID)).toEqual(authors);
      pages.forEach(({ shared, model }) => {
        expect(shared.cells.length).toBe(contents[0].cells.length);
        for (const cell of model.cells as any) {
          expect(cell.outputs.toJSON()).toEqual(cell.sharedModel.getOutputs());
          expect(cell.trusted).toBe(
            cell.sharedModel.getMetadata('trusted') === true
          );
        }
        model.dispose();
        shared.dispose();
      });
      docs.forEach(doc => expect(Y.encodeStateVector(doc).length > 0));
    }),
    { numRuns: 100 }
  );
}, 60000);
