/** Where paths are to each other. */

/** Whether a path is in a folder, or in one of those that are in it. */
export function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** Whether a path is a file or folder itself, or is below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || isBelow(path, folder);
}
