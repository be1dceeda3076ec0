// @vitest-environment jsdom
import { YNotebook } from '@jupyter/ydoc';
import { NotebookModel } from '@jupyterlab/notebook/lib/model.js';
import { describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { LocalNotebook } from './models.js';
import { connect, notebook } from './testing.js';
import { followTrust } from './trust.js';

// What JupyterLab needs of a browser and jsdom lacks; before its modules are loaded.
vi.hoisted(() => {
  (globalThis as any).DragEvent ??= class extends MouseEvent {};
  window.matchMedia ??= () => ({ matches: false, addListener() {} }) as any;
});

const EVIL = {
  output_type: 'display_data',
  data: { 'text/html': '<img src=x onerror="alert(1)">' },
  metadata: {}
};
const HTML = { ...EVIL, data: { 'text/html': '<b onclick="mine()">' } };

const code = (id: string, outputs: object[] = [], trusted = false): any => ({
  cell_type: 'code',
  id,
  source: id,
  metadata: trusted ? { trusted } : {},
  outputs,
  execution_count: null
});

/** A person with JupyterLab's model on top of ours, connected to a peer who can do anything. */
function people(cells: object[], follow = true) {
  const mine = new LocalNotebook({ disableDocumentWideUndoRedo: true });
  const model = new NotebookModel({ sharedModel: mine });
  if (follow) {
    followTrust(model);
  }
  model.fromJSON(notebook(cells));
  const peer = new YNotebook({ disableDocumentWideUndoRedo: true });
  const stop = connect(mine.ydoc, peer.ydoc);
  const lab = (n: number) => model.cells.get(n) as any;
  /** What the output area of JupyterLab would render as trusted. */
  const rendered = (n: number): [string, boolean][] =>
    Array.from({ length: lab(n).outputs.length }, (_, i) => {
      const output = lab(n).outputs.get(i);
      return [String(output.data['text/html'] ?? ''), output.trusted];
    });
  const nothingEvil = () => {
    for (let n = 0; n < mine.cells.length; n++) {
      if (mine.cells[n].cell_type === 'code') {
        rendered(n).forEach(([html, trusted]) => {
          expect(html.includes('onerror') && trusted).toBe(false);
        });
      }
    }
  };
  return { mine, model, peer, lab, rendered, nothingEvil, stop };
}

const sharedTrust = (doc: Y.Doc) =>
  (doc.getArray('cells').toJSON() as any[]).map(cell => cell.metadata.trusted);

describe('my trust', () => {
  it('comes from my file and goes to my file, but not to peers', () => {
    const { mine, peer, lab, model } = people([
      code('a', [HTML], true),
      code('b', [HTML])
    ]);
    expect([lab(0).trusted, lab(1).trusted]).toEqual([true, false]);
    expect(sharedTrust(peer.ydoc)).toEqual([undefined, undefined]);
    const saved = model.toJSON() as any;
    expect(saved.cells.map((c: any) => c.metadata.trusted)).toEqual([
      true,
      undefined
    ]);
    expect(mine.getCell(0).getMetadata('trusted')).toBe(true);
    expect(peer.getCell(0).getMetadata()).toEqual({});
  });

  it('is given by Trust Notebook and by running, with nothing sent', () => {
    const { mine, peer, lab, rendered } = people([code('a', [HTML])]);
    const sent: unknown[] = [];
    mine.ydoc.on('update', update => sent.push(update));
    lab(0).trusted = true;
    expect(rendered(0)[0][1]).toBe(true);
    expect(mine.getCell(0).getMetadata()).toEqual({ trusted: true });
    // JupyterLab would have written all outputs and metadata anew.
    expect(sent).toEqual([]);
    (mine.getCell(0) as any).setMetadata({ trusted: true, x: 1 });
    expect(peer.getCell(0).getMetadata()).toEqual({ x: 1 });
  });

  it('survives what I do with the cell', () => {
    const { mine, lab, rendered } = people([
      code('a', [HTML], true),
      code('b')
    ]);
    mine.moveCell(0, 1);
    expect(lab(1).trusted).toBe(true);
    mine.undoManager.stopCapturing();
    mine.deleteCell(1);
    mine.undo();
    expect(rendered(1)).toEqual([[HTML.data['text/html'], true]]);
    lab(1).outputs.add(HTML);
    expect(rendered(1).map(([, trusted]) => trusted)).toEqual([true, true]);
    expect((mine.getCell(1) as any).outputs.length).toBe(2);
  });

  it('survives that a peer moves the cell', () => {
    const { mine, peer, lab, rendered } = people([
      code('a', [HTML], true),
      code('b')
    ]);
    lab(0).outputs.add({
      output_type: 'stream',
      name: 'stdout',
      text: 'late\n'
    });
    lab(0).outputs.add({ output_type: 'stream', name: 'stdout', text: 'er' });
    peer.moveCell(0, 1);
    expect(mine.cells.map(cell => cell.getId())).toEqual(['b', 'a']);
    expect(rendered(1).map(([, trusted]) => trusted)).toEqual([true, true]);
  });

  it('is taken from my file when the content comes from a room', () => {
    const room = new YNotebook();
    room.setSource(
      notebook([code('a', [HTML]), code('b', [EVIL]), code('c', [HTML])])
    );
    const mine = new LocalNotebook();
    const model = new NotebookModel({ sharedModel: mine });
    followTrust(model);
    mine.load(Y.encodeStateAsUpdate(room.ydoc), 'room');
    mine.adoptTrust(
      notebook([
        code('a', [HTML], true),
        code('b', [HTML], true),
        code('c', [HTML])
      ])
    );
    const trusted = [...model.cells].map(cell => cell.trusted);
    expect(trusted).toEqual([true, false, false]);
  });
});

describe('a peer', () => {
  it('is believed by JupyterLab alone', () => {
    // The hole, with the models of @jupyter/ydoc.
    const victim = new YNotebook();
    const model = new NotebookModel({ sharedModel: victim });
    const peer = new YNotebook();
    connect(victim.ydoc, peer.ydoc);
    peer.insertCell(0, code('evil', [EVIL], true));
    expect((model.cells.get(0) as any).outputs.get(0).trusted).toBe(true);
  });

  it('cannot insert a trusted cell', () => {
    const { peer, lab, nothingEvil, mine } = people([code('a')]);
    peer.insertCell(0, code('evil', [EVIL], true));
    expect(sharedTrust(mine.ydoc)[0]).toBe(true);
    expect(lab(0).trusted).toBe(false);
    expect(mine.getCell(0).getMetadata()).toEqual({});
    nothingEvil();
    mine.moveCell(0, 1);
    expect(lab(1).trusted).toBe(false);
    expect(sharedTrust(mine.ydoc)).toEqual([undefined, undefined]);
    nothingEvil();
  });

  it('cannot make a cell trusted, nor is it heard', () => {
    const { peer, lab, mine, nothingEvil } = people([code('a', [EVIL])]);
    const heard: unknown[] = [];
    mine.dirty = false;
    mine.getCell(0).metadataChanged.connect((_, change) => heard.push(change));
    mine.getCell(0).changed.connect((_, change) => {
      heard.push(...((change as any).metadataChange?.keys() ?? []));
    });
    peer.getCell(0).setMetadata('trusted', true);
    expect(heard).toEqual([]);
    expect(lab(0).trusted).toBe(false);
    expect(mine.dirty).toBe(false);
    // Nor when JupyterLab makes its model anew, from all that is there.
    const again = new NotebookModel({ sharedModel: mine });
    expect((again.cells.get(0) as any).trusted).toBe(false);
    lab(0).setMetadata('x', lab(0).metadata);
    nothingEvil();
  });

  it('cannot put outputs into a cell that I trust', () => {
    const doors: [string, (peer: YNotebook) => void][] = [
      ['setOutputs', peer => (peer.getCell(0) as any).setOutputs([EVIL])],
      [
        'updateOutputs',
        peer => (peer.getCell(0) as any).updateOutputs(1, 1, [EVIL])
      ],
      [
        'an output in place',
        peer =>
          (peer.getCell(0).ymodel.get('outputs') as any)
            .get(0)
            .set('data', EVIL.data)
      ],
      [
        'outputs as a plain object',
        peer => (peer.getCell(0).ymodel.get('outputs') as any).push([EVIL])
      ],
      [
        'the outputs themselves',
        peer => {
          const outputs = Y.Array.from([new Y.Map(Object.entries(EVIL))]);
          peer.getCell(0).ymodel.set('outputs', outputs);
        }
      ],
      [
        'a cell with the same id',
        peer =>
          peer.transact(() => {
            peer.deleteCell(0);
            peer.insertCell(0, code('a', [EVIL], true));
          })
      ],
      [
        'another cell that takes the id',
        peer => {
          peer.insertCell(1, code('z', [EVIL], true));
          peer.getCell(1).ymodel.set('id', 'a');
        }
      ],
      [
        'a move with other outputs',
        peer =>
          peer.transact(() => {
            peer.insertCell(2, code('a', [HTML, EVIL], true));
            peer.deleteCell(0);
          })
      ]
    ];
    for (const [door, open] of doors) {
      const { peer, mine, nothingEvil, lab } = people([
        code('a', [HTML], true),
        code('b')
      ]);
      expect(lab(0).trusted, door).toBe(true);
      open(peer);
      nothingEvil();
      // Whatever JupyterLab reads anew, and whatever I do next that isn't trusting.
      const again = new NotebookModel({ sharedModel: mine });
      const texts = JSON.stringify(again.toJSON());
      expect(texts.includes('onerror'), door).toBe(
        door !== 'the outputs themselves'
      );
      for (const cell of again.cells) {
        if (JSON.stringify(cell.sharedModel.toJSON()).includes('onerror')) {
          expect(cell.trusted, door).toBe(false);
        }
      }
      mine.moveCell(0, mine.cells.length - 1);
      nothingEvil();
      mine.undo();
      nothingEvil();
    }
  });

  it('does not change what the outputs are, by ending my trust', () => {
    const { peer, mine, lab, rendered } = people([code('a', [HTML], true)]);
    (peer.getCell(0) as any).updateOutputs(1, 1, [EVIL]);
    const both = [HTML, EVIL];
    expect((mine.getCell(0) as any).getOutputs()).toEqual(both);
    expect((peer.getCell(0) as any).getOutputs()).toEqual(both);
    expect(lab(0).outputs.toJSON()).toEqual(both);
    expect(rendered(0).map(([, trusted]) => trusted)).toEqual([false, false]);
    // Running it makes it mine again, as JupyterLab's "clear, then run" does.
    lab(0).clearExecution();
    lab(0).outputs.add(HTML);
    expect(rendered(0)).toEqual([[HTML.data['text/html'], true]]);
    expect((peer.getCell(0) as any).getOutputs()).toEqual([HTML]);
  });

  it('leaves trust alone where only the source changes', () => {
    const { peer, lab } = people([code('a', [HTML], true)]);
    peer.getCell(0).setSource('other');
    peer.getCell(0).setMetadata('tags', ['x']);
    expect(lab(0).trusted).toBe(true);
  });

  it('cannot use my undo', () => {
    const { mine, peer, lab, nothingEvil, rendered } = people([
      code('a', [EVIL])
    ]);
    mine.undoManager.stopCapturing();
    mine.setSource(notebook([code('a', [HTML], true)]));
    expect(rendered(0)[0][1]).toBe(true);
    mine.undo();
    nothingEvil();
    expect(lab(0).trusted).toBe(false);
    expect((peer.getCell(0) as any).getOutputs()).toEqual([EVIL]);
  });
});

it('rendermime sanitises what is not trusted', async () => {
  const { Sanitizer } = await import('@jupyterlab/apputils');
  const { renderHTML } = await import('@jupyterlab/rendermime');
  const host = document.createElement('div');
  await renderHTML({
    host,
    source: EVIL.data['text/html'],
    trusted: false,
    sanitizer: new Sanitizer(),
    resolver: null,
    linkHandler: null,
    shouldTypeset: false,
    latexTypesetter: null
  });
  expect(host.innerHTML).not.toContain('onerror');
});
