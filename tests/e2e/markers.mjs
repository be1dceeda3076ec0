/**
 * What was typed, where it is known to be, and so what has to be there in the end.
 *
 * A marker is a text that nobody else types. It is known to be *held* by the pages that showed it, as long
 * as they are open, and by the browsers whose history was seen to have it, as long as their storage is not
 * cleared. As long as one of them is left it must not be lost. What nobody is known to hold any more (its
 * author's page died at once) may be there or not. Nothing is ever there twice.
 */
import { occurrences } from './notebooks.mjs';

const page = name => `the page of ${name}`;
const disk = name => `the browser of ${name}`;

export class Markers {
  /** By its text: where it is, who holds it, and what took its place. */
  _all = new Map();
  _last = 0;

  /** A new one. */
  next(name) {
    return `[${name}-${++this._last}]`;
  }

  /** It was typed in that document, in that cell. */
  typed(text, path, cell = null) {
    this._all.set(text, { path, cell, holders: new Set(), gone: null });
  }

  /** Its author took these away; in the same transaction `instead` came. */
  removed(texts, instead) {
    for (const text of texts) {
      this._all.get(text).gone = instead;
    }
  }

  /** Those that were ever put into a cell. */
  inCell(id) {
    return [...this._all.keys()].filter(
      text => this._all.get(text).cell === id
    );
  }

  /** All, as texts. */
  get texts() {
    return [...this._all.keys()];
  }

  /** A page shows these texts, by path. */
  shown(name, documents) {
    for (const [text, { path, holders }] of this._all) {
      if (occurrences(documents[path], text) > 0) {
        holders.add(page(name));
      }
    }
  }

  /** A browser has kept these. */
  kept(name, texts) {
    texts.forEach(text => this._all.get(text).holders.add(disk(name)));
  }

  pageIsGone(name) {
    this._all.forEach(({ holders }) => holders.delete(page(name)));
  }

  storageIsGone(name) {
    this._all.forEach(({ holders }) => holders.delete(disk(name)));
  }

  /** Those that must be there: held by somebody, and not taken away. */
  get required() {
    return this.texts.filter(text => {
      const { holders, gone } = this._all.get(text);
      return holders.size > 0 && gone === null;
    });
  }

  /** What is wrong with these documents, by path; nothing if they are as they should be. */
  faults(documents) {
    const required = new Set(this.required);
    return [...this._all].flatMap(([text, { path, gone, holders }]) => {
      const count = occurrences(documents[path], text);
      if (count > 1) {
        return [`${text} is ${count} times in ${path}`];
      }
      if (count === 0 && required.has(text)) {
        return [
          `${text} is not in ${path}, but ${[...holders].join(', ')} had it`
        ];
      }
      if (count === 1 && gone && occurrences(documents[path], gone) === 1) {
        return [`${text} is in ${path} beside ${gone}, which took its place`];
      }
      return [];
    });
  }
}
