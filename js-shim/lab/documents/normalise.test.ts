import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  canonicalForm,
  canonicalJson,
  sameJson,
  wellFormed
} from './canonical.js';
import { digest, digestText } from './digest.js';
import { joinLineEnding, splitLineEnding } from './line-ending.js';
import { copyName } from './names.js';
import {
  normaliseNotebook,
  sameContent,
  UnsupportedNotebookError
} from './normalise.js';
import { notebook, shuffledKeys } from './testing.js';

describe('canonical', () => {
  it('spells a value in one way', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), (value, seed) => {
        expect(canonicalJson(shuffledKeys(value, seed))).toBe(
          canonicalJson(value)
        );
        expect(JSON.stringify(canonicalForm(shuffledKeys(value, seed)))).toBe(
          JSON.stringify(canonicalForm(value))
        );
      })
    );
  });

  it('sorts as RFC 8785 asks', () => {
    expect(canonicalJson({ '2': 1, '10': 2, b: 3, a: 1.0 })).toBe(
      '{"10":2,"2":1,"a":1,"b":3}'
    );
  });

  it('repairs what JSON and Yjs cannot hold', () => {
    expect(wellFormed('a\uD83Db😀\uDE00')).toBe('a\uFFFDb😀\uFFFD');
    expect(canonicalJson({ a: NaN, b: undefined, c: ['\uD800'] })).toBe(
      '{"a":null,"c":["\uFFFD"]}'
    );
    expect(canonicalJson(JSON.parse('{"__proto__":{"x":1}}'))).toBe('{}');
    expect(sameJson({ a: 1, b: [0] }, { b: [0], a: 1 })).toBe(true);
    expect(sameJson({ a: 1 }, undefined)).toBe(false);
  });
});

describe('digest', () => {
  it('is the same with and without crypto.subtle', async () => {
    const bytes = new TextEncoder().encode('größe');
    const expected = createHash('sha256').update(bytes).digest('hex');
    expect(await digest(bytes)).toBe(expected);
    expect(digestText('größe')).toBe(expected);
    vi.stubGlobal('crypto', undefined);
    expect(await digest(bytes)).toBe(expected);
    vi.unstubAllGlobals();
  });

  it('is SHA-256 of texts of any length', () => {
    for (const length of [...Array(300).keys(), 100_000]) {
      const text = 'aé😀'.repeat(length).slice(0, length);
      const expected = createHash('sha256').update(text).digest('hex');
      expect(digestText(text)).toBe(expected);
    }
  });
});

describe('line endings', () => {
  it('are those of JupyterLab', () => {
    expect(splitLineEnding('a\r\nb\n')).toEqual({
      text: 'a\nb\n',
      lineEnding: '\r\n'
    });
    expect(splitLineEnding('a\rb').lineEnding).toBe('\r');
    expect(splitLineEnding('a\nb').lineEnding).toBe('\n');
    expect(joinLineEnding('a\nb', '\r\n')).toBe('a\r\nb');
  });
});

describe('copyName', () => {
  it('finds a free name', () => {
    const taken = new Set(['d/a (my copy).ipynb']);
    expect(copyName('a.ipynb', taken)).toBe('a (my copy).ipynb');
    expect(copyName('d/a.ipynb', taken)).toBe('d/a (my copy 2).ipynb');
    expect(copyName('d/a (my copy).ipynb', taken)).toBe(
      'd/a (my copy 2).ipynb'
    );
    expect(copyName('d.e/Makefile', taken)).toBe('d.e/Makefile (my copy)');
    expect(copyName('.env', taken)).toBe('.env (my copy)');
    expect(copyName('data.tar.gz', taken)).toBe('data.tar (my copy).gz');
  });
});

describe('normaliseNotebook', () => {
  it('gives ids that everyone derives', () => {
    const old = () => ({
      nbformat: 4,
      nbformat_minor: 2,
      metadata: { orig_nbformat: 3 },
      cells: [
        { cell_type: 'code', source: ['1\n', '2'], metadata: {}, outputs: [] },
        { cell_type: 'code', source: '1\n2', metadata: {}, outputs: [] },
        { cell_type: 'markdown', source: '', metadata: {}, id: 'a b' },
        { cell_type: 'markdown', source: 'x', metadata: {}, id: 'k' },
        { cell_type: 'markdown', source: 'y', metadata: {}, id: 'k' }
      ]
    });
    const input = old();
    const result = normaliseNotebook(input);
    expect(input).toEqual(old());
    expect(result).toEqual(normaliseNotebook(old()));
    expect(result.nbformat_minor).toBe(5);
    expect(result.metadata).toEqual({});
    const ids = result.cells.map(cell => cell.id);
    expect(new Set(ids).size).toBe(5);
    expect(ids[3]).toBe('k');
    ids.forEach(id => expect(id).toMatch(/^[a-zA-Z0-9-_]{1,64}$/));
    expect(result.cells[0].source).toBe('1\n2');
    // Once more changes nothing.
    expect(normaliseNotebook(result)).toEqual(result);
  });

  it('joins text but not JSON, and drops trust', () => {
    const [cell] = normaliseNotebook(
      notebook([
        {
          cell_type: 'code',
          source: 'x',
          metadata: { trusted: true, collapsed: true },
          execution_count: 0,
          outputs: [
            { output_type: 'stream', name: 'stdout', text: ['a\n', 'b'] },
            {
              output_type: 'display_data',
              data: {
                'text/html': ['<b>', '</b>'],
                'application/json': ['a', 'b'],
                'application/vnd.jupyter.widget-view+json': { model_id: 'm' }
              }
            },
            { output_type: 'error', ename: 'E', evalue: '', traceback: ['t'] }
          ]
        }
      ])
    ).cells;
    expect(cell.metadata).toEqual({
      collapsed: true,
      jupyter: { outputs_hidden: true }
    });
    expect(cell.execution_count).toBe(null);
    expect(cell.outputs?.[0].text).toBe('a\nb');
    expect(cell.outputs?.[1].data['text/html']).toBe('<b></b>');
    expect(cell.outputs?.[1].data['application/json']).toEqual(['a', 'b']);
    expect(cell.outputs?.[1].metadata).toEqual({});
    expect(cell.outputs?.[2].traceback).toEqual(['t']);
  });

  it('keeps attachments and widget state', () => {
    const attachments = { 'a.png': { 'image/png': 'aGk=' } };
    const widgets = {
      'application/vnd.jupyter.widget-state+json': { state: { x: { v: [1] } } }
    };
    const result = normaliseNotebook({
      ...notebook([
        { cell_type: 'markdown', source: 'x', metadata: {}, attachments }
      ]),
      metadata: { widgets }
    });
    expect(result.cells[0].attachments).toEqual(attachments);
    expect(result.metadata.widgets).toEqual(widgets);
  });

  it('refuses what JupyterLab would lose', () => {
    const old = {
      nbformat: 3,
      nbformat_minor: 0,
      metadata: {},
      worksheets: []
    };
    expect(() => normaliseNotebook(old)).toThrow(UnsupportedNotebookError);
    expect(sameContent(old, { ...old })).toBe(true);
    expect(sameContent(old, notebook([]))).toBe(false);
  });
});

describe('sameContent', () => {
  const cell = (source: string, more = {}) => ({
    cell_type: 'code',
    source,
    metadata: {},
    outputs: [],
    ...more
  });

  it('ignores what opening changes', () => {
    const file = { ...notebook([cell('a')], 4) };
    const opened = {
      ...notebook([cell('a', { id: 'i', metadata: { trusted: true } })]),
      metadata: {
        language_info: { name: 'python' },
        kernelspec: { name: 'p', display_name: 'P' }
      }
    };
    expect(sameContent(file, opened)).toBe(true);
    expect(sameContent(notebook([]), notebook([cell('')]))).toBe(true);
    expect(sameContent('a\r\nb', 'a\nb')).toBe(true);
  });

  it('sees what a person would', () => {
    expect(sameContent(notebook([cell('a')]), notebook([cell('b')]))).toBe(
      false
    );
    expect(
      sameContent(notebook([cell('')]), notebook([cell(''), cell('')]))
    ).toBe(false);
    expect(sameContent('a', 'b')).toBe(false);
  });
});
