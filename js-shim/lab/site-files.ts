/**
 * The files that the site itself serves, below `files/`.
 *
 * JupyterLite shows them in everybody's drive, and a person who only ever opened one has the same
 * content there. Such a file is nobody's work, and the site has it still: when the room has another
 * version there is nothing to keep a copy of.
 */
import { URLExt } from '@jupyterlab/coreutils';

/** What the site serves at a path; null where it serves nothing, or can't be reached. */
export async function fetchSiteFile(
  baseUrl: string,
  path: string,
  format: string
): Promise<unknown> {
  const url = URLExt.join(baseUrl, 'files', URLExt.encodeParts(path));
  try {
    const response = await fetch(url);
    if (!response.ok) {
      return null;
    }
    return format === 'json' ? await response.json() : await response.text();
  } catch {
    return null; // offline, or a host that answers with a page of its own
  }
}
