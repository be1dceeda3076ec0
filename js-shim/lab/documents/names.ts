/**
 * What a person's own version of a document is called when the room has another one at its path.
 */

/**
 * A free path beside `path` for one's own copy: `lesson.ipynb` becomes `lesson (my copy).ipynb`,
 * then `lesson (my copy 2).ipynb` and so on. A copy's copy counts on instead of nesting, and dots
 * that begin a name (`.gitignore`) are no extension.
 *
 * @param path Path in a drive, without a drive name.
 * @param taken Paths that exist in that folder, as full paths like `path`.
 */
export function copyName(path: string, taken: ReadonlySet<string>): string {
  const { folder, stem, extension } = split(path);
  const original = stem.replace(/ \(my copy(?: \d+)?\)$/, '');
  for (let count = 1; ; count++) {
    const mark = count === 1 ? '(my copy)' : `(my copy ${count})`;
    const name = `${folder}${original} ${mark}${extension}`;
    if (!taken.has(name) && name !== path) {
      return name;
    }
  }
}

function split(path: string): {
  folder: string;
  stem: string;
  extension: string;
} {
  const slash = path.lastIndexOf('/') + 1;
  const folder = path.slice(0, slash);
  const name = path.slice(slash);
  const dot = name.lastIndexOf('.');
  return dot > 0
    ? { folder, stem: name.slice(0, dot), extension: name.slice(dot) }
    : { folder, stem: name, extension: '' };
}
