/**
 * A cell's JSON as shared types, as `@jupyter/ydoc` lays them out (its `createCell` is not public).
 */
import { JSONExt } from '@lumino/coreutils';
import * as Y from 'yjs';
import { joined, normaliseCellMetadata } from './normalise.js';

type Json = Record<string, any>;

/** A new cell, to be inserted into a document's `cells`. Trust stays out of it. */
export function cellContent(cell: Json): Y.Map<any> {
  const isCode = cell.cell_type === 'code';
  const content: [string, any][] = [
    ['source', new Y.Text(joined(cell.source))],
    ['metadata', mapContent(normaliseCellMetadata(cell.metadata))],
    // An unknown type could be written, but `YNotebook` could not read it.
    [
      'cell_type',
      isCode || cell.cell_type === 'markdown' ? cell.cell_type : 'raw'
    ],
    ['id', cell.id]
  ];
  if (isCode) {
    content.push(['outputs', Y.Array.from(outputsContent(cell.outputs ?? []))]);
    content.push(['execution_count', cell.execution_count ?? null]);
  } else if (cell.attachments) {
    content.push(['attachments', JSONExt.deepCopy(cell.attachments)]);
  }
  return new Y.Map(content);
}

/** New outputs, to be inserted into a code cell's `outputs`. */
export function outputsContent(outputs: Json[]): Y.Map<any>[] {
  return outputs.map(output => {
    const content = mapContent(output);
    if (output.output_type === 'stream') {
      content.set('text', new Y.Text(joined(output.text)));
    }
    return content;
  });
}

/** A map with a copy of an object's keys, but for those without a value. */
function mapContent(object: Json): Y.Map<any> {
  return new Y.Map(Object.entries(JSONExt.deepCopy(object)));
}
