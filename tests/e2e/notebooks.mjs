/** Notebooks for tests, and comparing what became of them. */
import assert from 'node:assert/strict';

/** A notebook with these cells: a text is a code cell, anything else is taken as it is. */
export function notebook(...cells) {
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: {
        name: 'javascript',
        display_name: 'JavaScript',
        language: 'javascript'
      }
    },
    cells: cells.map((cell, index) => ({
      id: `cell-${index}`,
      cell_type: 'code',
      metadata: {},
      ...(cell.cell_type && cell.cell_type !== 'code'
        ? {}
        : { execution_count: null, outputs: [] }),
      ...(typeof cell === 'string' ? { source: cell } : cell)
    }))
  };
}

export const markdown = source => ({ cell_type: 'markdown', source });

const joined = text => (Array.isArray(text) ? text.join('') : (text ?? ''));

/**
 * What a person would miss of a notebook if it were gone, as plain values. Written apart from the code
 * under test, on purpose: it knows only what nbformat says is the same.
 */
export function essence(content) {
  const bundle = data =>
    Object.fromEntries(
      Object.entries(data ?? {})
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([type, value]) => [
          type,
          /json$/.test(type) ? value : joined(value)
        ])
    );
  return {
    widgets: content.metadata.widgets,
    cells: content.cells.map(cell => ({
      type: cell.cell_type,
      source: joined(cell.source),
      count: cell.execution_count ?? null,
      attachments: Object.entries(cell.attachments ?? {}).map(
        ([name, data]) => [name, bundle(data)]
      ),
      tags: cell.metadata?.tags,
      outputs: (cell.outputs ?? []).map(output => ({
        type: output.output_type,
        name: output.name,
        text: output.text && joined(output.text),
        data: bundle(output.data),
        error: [output.ename, output.evalue, output.traceback]
      }))
    }))
  };
}

/** That nothing is lost and nothing doubled; `who` saw it. */
export function assertSameNotebook(seen, expected, who) {
  const [a, b] = [essence(seen), essence(expected)].map(one =>
    JSON.parse(JSON.stringify(one))
  );
  assert.equal(
    a.cells.length,
    b.cells.length,
    `${who} sees ${a.cells.length} cells of ${b.cells.length}`
  );
  b.cells.forEach((cell, index) =>
    assert.deepEqual(a.cells[index], cell, `${who}: cell ${index} differs`)
  );
  assert.deepEqual(a.widgets, b.widgets, `${who}: the widgets' state differs`);
}

/** How often a text occurs in what a person sees. */
export function occurrences(sources, text) {
  return [sources].flat().join('\n').split(text).length - 1;
}
