/**
 * Line endings of text files.
 *
 * JupyterLab keeps `\n` in memory and, when it has loaded the text itself, remembers what the file
 * had and writes that again. A document that comes from a room is never loaded by JupyterLab, so
 * its line ending has to be kept beside it. The rules here are those of JupyterLab's `Context`: one
 * `\r\n` makes the file a `\r\n` file, else one `\r` makes it a `\r` file.
 */

/** What ends a line of a file. */
export type LineEnding = '\n' | '\r\n' | '\r';

/** The text with `\n` alone, and what the file had. */
export function splitLineEnding(text: string): {
  text: string;
  lineEnding: LineEnding;
} {
  if (text.includes('\r\n')) {
    return { text: text.replace(/\r\n/g, '\n'), lineEnding: '\r\n' };
  }
  if (text.includes('\r')) {
    return { text: text.replace(/\r/g, '\n'), lineEnding: '\r' };
  }
  return { text, lineEnding: '\n' };
}

/** The text as the file should have it; the inverse of `splitLineEnding`. */
export function joinLineEnding(text: string, lineEnding: LineEnding): string {
  return lineEnding === '\n' ? text : text.replace(/\n/g, lineEnding);
}
