/**
 * One spelling for every JSON value.
 *
 * The same notebook is spelled differently by a static file, a browser's drive and a server: the
 * keys of its objects come in another order. A CRDT remembers the order in which keys were
 * inserted, so two people who load "the same" notebook would make different histories of it. RFC
 * 8785 (JSON Canonicalization Scheme) fixes one spelling; `canonicalize`, by an author of the RFC,
 * writes it.
 *
 * What the RFC refuses and notebooks nevertheless hold is repaired first, in the way JSON or Yjs
 * would: a lone surrogate (half of an emoji, cut by a kernel) becomes U+FFFD as it does when Yjs
 * encodes it, numbers that JSON cannot spell become `null`, `undefined` is left out.
 */
import { JSONExt, type ReadonlyPartialJSONValue } from '@lumino/coreutils';
import canonicalize from 'canonicalize';

/** Half of a surrogate pair without its other half. */
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** The text with lone surrogates replaced, as Yjs would when it encodes it. */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATE, '\uFFFD');
}

/**
 * A deep copy of a JSON value whose objects have their keys in canonical order, for passing to
 * code that inserts keys in the order in which it finds them.
 */
export function canonicalForm<T>(value: T): T {
  return copy(value) as T;
}

/** The canonical spelling (RFC 8785) of a JSON value. */
export function canonicalJson(value: unknown): string {
  return canonicalize(canonicalForm(value)) ?? 'null';
}

/** Whether two JSON values are the same but for the order of keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) {
    return a === b;
  }
  return JSONExt.deepEqual(
    a as ReadonlyPartialJSONValue,
    b as ReadonlyPartialJSONValue
  );
}

function copy(value: unknown): unknown {
  if (typeof value === 'string') {
    return wellFormed(value);
  }
  if (typeof value === 'number') {
    // `-0 + 0` is `0`: JSON has one zero, Yjs would encode two.
    return Number.isFinite(value) ? value + 0 : null;
  }
  if (Array.isArray(value)) {
    return value.map(item => copy(item) ?? null);
  }
  return value !== null && typeof value === 'object'
    ? copyObject(value)
    : value;
}

function copyObject(value: object): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  // RFC 8785 sorts by UTF-16 code units, and so does `sort()`.
  for (const key of Object.keys(value).sort()) {
    const item = (value as Record<string, unknown>)[key];
    // Assigning `__proto__` would set a prototype instead of a key.
    if (item !== undefined && key !== '__proto__') {
      result[wellFormed(key)] = copy(item);
    }
  }
  return result;
}
