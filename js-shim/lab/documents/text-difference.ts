/**
 * What to delete from one text, and what to insert, to make another of it.
 *
 * `fast-diff` finds the smallest difference and keeps surrogate pairs whole; its time grows with
 * the size of the texts *times* the size of the difference. Large texts are therefore compared by
 * lines first, and only what changed by characters. Very large and very different ones are replaced
 * between what they have in common at both ends. All of that depends on the texts alone and never on
 * a clock, so that two pages find the same.
 */
import diff from 'fast-diff';
import type * as Y from 'yjs';
import type { Step } from './coincide.js';

/** Delete (-1), keep (0) or insert (1) this text. */
export type Hunk = [-1 | 0 | 1, string];

/** Product of two texts' lengths up to which they are compared by characters. */
const CHARACTER_LIMIT = 2e7;

/** Product of two texts' numbers of lines up to which they are compared by lines. */
const LINE_LIMIT = 1e8;

/** Code units that can stand for a line: those before the surrogates. */
const MAX_LINES = 0xd800;

/** How to make `to` of `from`. */
export function textDifference(from: string, to: string): Hunk[] {
  const start = commonStart(from, to);
  const end = commonEnd(from.slice(start), to.slice(start));
  const [a, b] = [
    from.slice(start, from.length - end),
    to.slice(start, to.length - end)
  ];
  const middle: Hunk[] =
    a.length * b.length <= CHARACTER_LIMIT ? byCharacters(a, b) : byLines(a, b);
  const hunks: Hunk[] = [
    [0, from.slice(0, start)],
    ...middle,
    [0, from.slice(from.length - end)]
  ];
  return hunks.filter(([, text]) => text !== '');
}

/**
 * Make a shared text read `target`, leaving alone what it has already. What replaces something is
 * inserted before that is deleted, next to what stays: there others insert it too, however much
 * they have to delete.
 */
export function editText(text: Y.Text, target: string, step: Step): void {
  let index = 0;
  let deleted = 0;
  const flush = () => {
    text.delete(index, deleted);
    deleted = 0;
  };
  for (const [kind, part] of textDifference(text.toString(), target)) {
    if (kind === -1) {
      deleted += part.length;
      continue;
    }
    if (kind === 1) {
      const at = index;
      step(['text', part], () => text.insert(at, part));
    }
    if (kind === 0) {
      flush();
    }
    index += part.length;
  }
  flush();
}

function byCharacters(a: string, b: string): Hunk[] {
  return diff(a, b, undefined, true);
}

function byLines(a: string, b: string): Hunk[] {
  const codes = new Map<string, number>();
  const lines: string[] = [];
  const encode = (text: string) =>
    (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map(line => {
      if (!codes.has(line)) {
        codes.set(line, lines.length);
        lines.push(line);
      }
      return codes.get(line)!;
    });
  const [from, to] = [encode(a), encode(b)];
  if (lines.length > MAX_LINES || from.length * to.length > LINE_LIMIT) {
    return [
      [-1, a],
      [1, b]
    ];
  }
  const spell = (units: number[]) =>
    units.map(unit => String.fromCharCode(unit)).join('');
  const hunks = diff(spell(from), spell(to)).map(([kind, units]): Hunk => [
    kind,
    [...units].map(unit => lines[unit.charCodeAt(0)]).join('')
  ]);
  return refined(hunks);
}

/** Lines that were replaced, compared by characters. */
function refined(hunks: Hunk[]): Hunk[] {
  const result: Hunk[] = [];
  for (let n = 0; n < hunks.length; n++) {
    const [hunk, next] = [hunks[n], hunks[n + 1]];
    const small = hunk[1].length * (next?.[1].length ?? 0) <= CHARACTER_LIMIT;
    if (hunk[0] === -1 && next?.[0] === 1 && small) {
      result.push(...byCharacters(hunk[1], next[1]));
      n++;
    } else {
      result.push(hunk);
    }
  }
  return result;
}

/** Length of what both texts begin with, not ending within a surrogate pair. */
function commonStart(a: string, b: string): number {
  const max = Math.min(a.length, b.length);
  let n = 0;
  while (n < max && a.charCodeAt(n) === b.charCodeAt(n)) {
    n++;
  }
  return isHigh(a.charCodeAt(n - 1)) ? n - 1 : n;
}

/** Length of what both texts end with, not beginning within a surrogate pair. */
function commonEnd(a: string, b: string): number {
  const max = Math.min(a.length, b.length);
  let n = 0;
  while (
    n < max &&
    a.charCodeAt(a.length - 1 - n) === b.charCodeAt(b.length - 1 - n)
  ) {
    n++;
  }
  return isLow(a.charCodeAt(a.length - n)) ? n - 1 : n;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
