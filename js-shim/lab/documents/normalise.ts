/**
 * Any notebook of nbformat 4 as nbformat 4.5, in one way only.
 *
 * Two people who open the same file must seed the same bytes, and a file must be comparable with
 * what JupyterLab later makes of it. So everything that nbformat allows in several spellings gets
 * one here, the one that `YNotebook` and JupyterLab's models would give it:
 *
 * - cells have ids (4.5). A cell without a valid id of its own gets one derived from its type and
 *   source and from how many such cells came before, so that everyone derives the same one, and so
 *   does who reverts to an old checkpoint of the file;
 * - multi-line strings are joined (JupyterLab would join the lines of a stream with commas), but not
 *   those of JSON mime types, where a list is a list;
 * - `collapsed` and `jupyter.outputs_hidden` say the same;
 * - trust is nobody's but one's own and is dropped, as are keys from before nbformat 4 and keys that
 *   no cell has;
 * - a cell of an unknown type is a raw cell: `YNotebook` can write an unknown type, but not read it.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import { canonicalForm, canonicalJson } from './canonical.js';
import { digestText } from './digest.js';
import { splitLineEnding } from './line-ending.js';

type Json = Record<string, any>;

/** A cell with everything in its place. */
export interface INormalCell {
  id: string;
  cell_type: 'code' | 'markdown' | 'raw';
  source: string;
  metadata: Json;
  attachments?: Json;
  execution_count?: number | null;
  outputs?: Json[];
}

/** A notebook with everything in its place. */
export interface INormalNotebook {
  cells: INormalCell[];
  metadata: Json;
  nbformat: 4;
  nbformat_minor: number;
}

/** The content is not a notebook of nbformat 4; JupyterLab opens nothing else without loss. */
export class UnsupportedNotebookError extends Error {
  override name = 'UnsupportedNotebookError';
}

/** What nbformat allows as a cell id. */
const VALID_ID = /^[a-zA-Z0-9-_]{1,64}$/;

/** Metadata of notebooks that nbformat 4 no longer has. */
const LEGACY_METADATA = ['orig_nbformat', 'orig_nbformat_minor', 'signature'];

/**
 * The notebook in its one spelling. The argument is left as it is.
 *
 * @throws UnsupportedNotebookError unless it is of nbformat 4.
 */
export function normaliseNotebook(notebook: unknown): INormalNotebook {
  const source = (notebook ?? {}) as Json;
  if (source.nbformat !== 4 || !Array.isArray(source.cells ?? [])) {
    throw new UnsupportedNotebookError(
      `Only notebooks of nbformat 4 can be shared, not ${source.nbformat}`
    );
  }
  const metadata: Json = { ...source.metadata };
  LEGACY_METADATA.forEach(key => delete metadata[key]);
  const bare = ((source.cells ?? []) as Json[]).map(normaliseCell);
  return canonicalForm<INormalNotebook>({
    cells: withIds(bare),
    metadata,
    nbformat: 4,
    nbformat_minor: Math.max(5, source.nbformat_minor ?? 0)
  });
}

/** Whether two contents of a file, notebooks or texts, are the same to a person. */
export function sameContent(a: unknown, b: unknown): boolean {
  return contentText(a) === contentText(b);
}

/**
 * What a content is to a person, as a text that can be compared or hashed.
 *
 * Of a notebook it leaves out what JupyterLab changes when it merely opens one: ids, trust, the
 * kernel's name and language, the order of keys, the first empty cell. Of a text, what ends a line.
 */
export function contentText(content: unknown): string {
  if (typeof content === 'string') {
    return splitLineEnding(content).text;
  }
  const notebook = content as Json | null;
  const isNotebook = notebook?.nbformat === 4 && Array.isArray(notebook.cells);
  return canonicalJson(isNotebook ? comparable(content) : content);
}

/** The text of a multi-line string. */
export function joined(text: unknown): string {
  return Array.isArray(text) ? text.join('') : String(text ?? '');
}

/** Outputs of a code cell in their one spelling. */
export function normaliseOutputs(outputs: unknown): Json[] {
  return canonicalForm(
    Array.isArray(outputs) ? outputs.map(normaliseOutput) : []
  );
}

function comparable(notebook: unknown): Json {
  const { cells, metadata } = normaliseNotebook(notebook);
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  const { kernelspec, language_info, ...rest } = metadata;
  const bare: Json[] = cells.map(({ id, ...cell }) => cell);
  return {
    metadata: rest,
    cells: bare.length === 1 && isBlank(bare[0]) ? [] : bare
  };
}

/** Whether a cell is what JupyterLab puts into an empty notebook. */
function isBlank(cell: Json): boolean {
  return (
    cell.source === '' &&
    !cell.outputs?.length &&
    !cell.attachments &&
    Object.keys(cell.metadata).length === 0
  );
}

function normaliseCell(cell: Json): INormalCell {
  const known = ['code', 'markdown', 'raw'].includes(cell.cell_type);
  const result: INormalCell = {
    id: cell.id,
    cell_type: known ? cell.cell_type : 'raw',
    source: joined(cell.source),
    metadata: normaliseCellMetadata(cell.metadata)
  };
  if (result.cell_type === 'code') {
    result.execution_count = cell.execution_count || null;
    result.outputs = normaliseOutputs(cell.outputs);
  } else if (Object.keys(cell.attachments ?? {}).length > 0) {
    result.attachments = mapValues(cell.attachments, normaliseBundle);
  }
  return result;
}

/** Without trust, and with the two names of "outputs are hidden" in step, as `YBaseCell` does. */
export function normaliseCellMetadata(metadata: Json | undefined): Json {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  const { trusted, ...result } = metadata ?? {};
  const hidden = result.collapsed ?? result.jupyter?.outputs_hidden;
  if (hidden !== undefined && hidden !== null) {
    result.collapsed = hidden;
    result.jupyter = { ...result.jupyter, outputs_hidden: hidden };
  }
  return result;
}

function normaliseOutput(output: Json): Json {
  switch (output.output_type) {
    case 'stream':
      return {
        ...output,
        name: output.name ?? 'stdout',
        text: joined(output.text)
      };
    case 'display_data':
    case 'execute_result':
    case 'update_display_data':
      return {
        ...output,
        metadata: output.metadata ?? {},
        data: normaliseBundle(output.data)
      };
    default:
      return output;
  }
}

/** A mime bundle with its texts joined. */
function normaliseBundle(bundle: nbformat.IMimeBundle | undefined): Json {
  return mapValues(bundle ?? {}, (value, mimeType) =>
    isTextLines(value) && !isJsonMime(mimeType) ? joined(value) : value
  );
}

function isJsonMime(mimeType: string): boolean {
  return /^application\/(.*\+)?json$/.test(mimeType);
}

function isTextLines(value: unknown): boolean {
  return Array.isArray(value) && value.every(line => typeof line === 'string');
}

function mapValues(object: Json, map: (value: any, key: string) => any): Json {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, map(value, key)])
  );
}

/** The cells with valid ids which differ. The first cell with an id keeps it. */
function withIds(cells: INormalCell[]): INormalCell[] {
  const taken = new Set<string>();
  const keeps = cells.map(({ id }) => {
    const keep = typeof id === 'string' && VALID_ID.test(id) && !taken.has(id);
    return keep && taken.add(id) !== undefined;
  });
  return cells.map((cell, index) =>
    keeps[index] ? cell : { ...cell, id: derivedId(cell, taken) }
  );
}

function derivedId(cell: INormalCell, taken: Set<string>): string {
  for (let ordinal = 0; ; ordinal++) {
    const id = digestText(
      canonicalJson([cell.cell_type, cell.source, ordinal])
    ).slice(0, 12);
    if (!taken.has(id)) {
      taken.add(id);
      return id;
    }
  }
}
