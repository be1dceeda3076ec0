/**
 * What has to be known of JupyterLite's drive: files that the site serves and people edit in their
 * browser's storage, IndexedDB by way of localforage.
 */
import { PathExt, URLExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';

/**
 * Have the drive make its stores now, one after the other.
 *
 * The drive makes each of its stores when it is first used, by upgrading the database, and localforage
 * hangs for good when a file is read at that very moment. JupyterLab reads a document and asks for its
 * checkpoints after that, which keeps them apart. But waiting for the room comes between, and then a
 * first visitor's page was left with a spinner for ever (seen in the `notebooks` and `edit`
 * applications, whose checkpoint indicator asks all the time).
 */
export async function prepareDrive(
  drive: Contents.IDrive,
  path: string
): Promise<void> {
  await drive.get(path, { content: false }).catch(() => undefined);
  await drive.listCheckpoints(path).catch(() => undefined);
}

/**
 * What the site itself serves at a path, below `files/`; null where it serves nothing or can't be
 * reached.
 *
 * JupyterLite shows these files in everybody's drive, and who only ever opened one has the same content
 * there. Such a file is nobody's work, and the site has it still: when the room has another version
 * there is nothing to keep a copy of.
 */
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

/** Make a folder, and those that it is in: the drive puts nothing where they are missing. */
export async function makeFolder(
  drive: Pick<Contents.IDrive, 'get' | 'save'>,
  folder: string
): Promise<void> {
  const isThere = () => drive.get(folder, { content: false }).catch(() => null);
  if (folder && !(await isThere())) {
    await saveFile(drive, folder, { type: 'directory' });
  }
}

/** Save a file, with the folders that it is in. */
export async function saveFile(
  drive: Pick<Contents.IDrive, 'get' | 'save'>,
  path: string,
  file: Partial<Contents.IModel>
): Promise<Contents.IModel> {
  await makeFolder(drive, PathExt.dirname(path));
  return drive.save(path, file);
}
