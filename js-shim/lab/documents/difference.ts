/**
 * Bringing a live document to what a file has, as a difference.
 *
 * JupyterLab reverts by deleting every cell and inserting those of the file. Where others work in
 * the same document, that takes away what they type at this moment, and two people who revert
 * together double the notebook. Here only what differs is changed, in one transaction: cells that
 * are in both stay the cells they are, their texts change where they differ, and what is inserted
 * coincides with what others insert (`coincide.ts`).
 *
 * It can be undone as one change, as JupyterLab's own revert can.
 */
import type { YFile, YNotebook } from '@jupyter/ydoc';
import * as Y from 'yjs';
import { sameJson, wellFormed } from './canonical.js';
import { cellContent, outputsContent } from './cell-content.js';
import { isWellFormed } from './cells.js';
import { coincidingUpdate, type Step } from './coincide.js';
import { splitLineEnding } from './line-ending.js';
import { applyOwn } from './local-state.js';
import { matchCells, type ICellKey } from './matching.js';
import { LocalNotebook } from './models.js';
import {
  normaliseNotebook,
  normaliseOutputs,
  type INormalCell,
  type INormalNotebook
} from './normalise.js';
import { forgetRun } from './running.js';
import { editText } from './text-difference.js';

type Json = Record<string, any>;

/** What is the kernel's, and JupyterLab adds it to whatever notebook it opens. */
const KERNEL_METADATA = ['kernelspec', 'language_info'];

/**
 * Make a live notebook show what a file of one's own has.
 *
 * @param model The live document.
 * @param notebook What the file has, of any nbformat 4.
 * @param origin Origin of the transaction; with the document itself, it can be undone.
 * @throws UnsupportedNotebookError if it is no notebook of nbformat 4.
 */
export function applyNotebook(
  model: YNotebook,
  notebook: unknown,
  origin: unknown = model
): void {
  const target = normaliseNotebook(notebook);
  const update = coincidingUpdate(model.ydoc, (copy, step) =>
    editNotebook(copy, target, step)
  );
  const change = () => applyOwn(model.ydoc, update, origin);
  if (model instanceof LocalNotebook) {
    model.withTrustOf(notebook, change);
  } else {
    change();
  }
}

/** Make a live text file read `text`, whatever its line endings. */
export function applyText(
  file: YFile,
  text: string,
  origin: unknown = file
): void {
  const target = wellFormed(splitLineEnding(text).text);
  const update = coincidingUpdate(file.ydoc, (copy, step) =>
    editText(copy.getText('source'), target, step)
  );
  applyOwn(file.ydoc, update, origin);
}

function editNotebook(copy: Y.Doc, target: INormalNotebook, step: Step): void {
  const cells = copy.getArray<Y.Map<any>>('cells');
  const stay = matchCells(cells.toArray().map(keyOf), target.cells);
  const staying = new Set(stay);
  for (let index = cells.length - 1; index >= 0; index--) {
    if (!staying.has(index)) {
      cells.delete(index, 1);
    }
  }
  for (let index = 0; index < target.cells.length; index++) {
    if (stay[index] >= 0) {
      editCell(cells.get(index), target.cells[index], step);
      continue;
    }
    let end = index + 1;
    while (end < stay.length && stay[end] < 0) {
      end++;
    }
    const inserted = target.cells.slice(index, end);
    step(['cells', inserted], () =>
      cells.insert(index, inserted.map(cellContent))
    );
    index = end - 1;
  }
  editNotebookMetadata(copy.getMap('meta'), target, step);
}

/** What a cell is recognised by; nothing that a file has, if a peer wrote what is no cell. */
function keyOf(cell: Y.Map<any>): ICellKey {
  return isWellFormed(cell)
    ? {
        id: cell.get('id'),
        cell_type: cell.get('cell_type'),
        source: String(cell.get('source'))
      }
    : { id: '', cell_type: '', source: '' };
}

function editCell(cell: Y.Map<any>, target: INormalCell, step: Step): void {
  editText(cell.get('source'), target.source, step);
  editKeys(cell.get('metadata'), target.metadata, step);
  if (target.cell_type === 'code') {
    editOutputs(cell, target.outputs ?? [], step);
    setKeys(cell, { execution_count: target.execution_count ?? null }, step);
  } else {
    setKeys(cell, { attachments: target.attachments }, step);
  }
}

/**
 * Outputs are replaced as a whole, and the new ones come after the old: JupyterLab's models append
 * whatever is inserted, and join a stream to one that they have just been told to remove.
 */
function editOutputs(cell: Y.Map<any>, target: Json[], step: Step): void {
  const outputs: Y.Array<Y.Map<any>> = cell.get('outputs');
  if (sameJson(normaliseOutputs(outputs.toJSON()), target)) {
    return;
  }
  const old = outputs.length;
  step(['outputs', target], () => {
    outputs.insert(old, outputsContent(target));
    outputs.delete(0, old);
    forgetRun(cell);
  });
}

function editNotebookMetadata(
  meta: Y.Map<any>,
  target: INormalNotebook,
  step: Step
): void {
  const { nbformat, nbformat_minor } = target;
  setKeys(meta, { nbformat, nbformat_minor }, step);
  const metadata = meta.get('metadata');
  if (metadata instanceof Y.Map) {
    editKeys(metadata, target.metadata, step, KERNEL_METADATA);
  } else {
    step(['metadata', target.metadata], () =>
      meta.set('metadata', new Y.Map(Object.entries(target.metadata)))
    );
  }
}

/** Give a map exactly these keys, but let those of `keep` be. */
function editKeys(
  map: Y.Map<any>,
  target: Json,
  step: Step,
  keep: string[] = []
): void {
  const gone = [...map.keys()].filter(
    key => !(key in target) && !keep.includes(key)
  );
  const removals = gone.map(key => [key, undefined]);
  setKeys(map, { ...Object.fromEntries(removals), ...target }, step);
}

/** Set keys of a map that have another value, or delete them where that is undefined. */
function setKeys(map: Y.Map<any>, values: Json, step: Step): void {
  const changes = Object.entries(values).filter(
    ([key, value]) => !sameJson(map.get(key), value)
  );
  if (changes.length > 0) {
    step(['keys', changes], () => {
      changes.forEach(([key, value]) =>
        value === undefined ? map.delete(key) : map.set(key, value)
      );
    });
  }
}
