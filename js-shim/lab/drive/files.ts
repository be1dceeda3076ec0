/**
 * The files of a person's drive, as seen by who keeps them in step with a room.
 *
 * What is done here is done for the room, and is not to be told to it as if the person had done it: such
 * a step is quiet.
 */
import { PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { IIndexEntry } from '../../api/types.js';
import { copyName } from '../documents/index.js';
import { DocumentProvider } from '../open/document-provider.js';
import { kindOf } from '../open/kinds.js';
import { withFile } from './exclusive.js';
import { Ledger } from './ledger.js';
import { makeFolder, saveFile } from './lite-drive.js';

/** What is asked of the drive. */
export type Drive = Pick<
  Contents.IDrive,
  | 'get'
  | 'save'
  | 'newUntitled'
  | 'rename'
  | 'delete'
  | 'copy'
  | 'getDownloadUrl'
  | 'fileChanged'
> & {
  /** Takes away what is kept under a path, and nothing below it. Protected in JupyterLite's drive. */
  forgetPath?(path: string): Promise<void>;
};

/** What the file of a document holds, which is of a kind that is known here. */
export function contentOf(
  { contentType, format }: IIndexEntry,
  update: Uint8Array
): unknown {
  const kind = kindOf(contentType, format)!;
  return kind.toFile(kind.contentOf(update), null);
}

export class Files {
  /** @param baseUrl Where the site is. */
  constructor(
    private _drive: Drive,
    private _documents: Iterable<DocumentProvider>,
    private _baseUrl: string
  ) {
    this._rename = _drive.rename.bind(_drive);
    this._delete = _drive.delete.bind(_drive);
  }

  /** What the drive says of a file; null where there is none. */
  async get(path: string): Promise<Contents.IModel | null> {
    return this._drive.get(path, { content: false }).catch(() => null);
  }

  async freeName(path: string): Promise<string> {
    const taken = new Set([path]);
    for (;;) {
      const name = copyName(path, taken);
      if (!(await this.get(name))) {
        return name;
      }
      taken.add(name);
    }
  }

  /** Write a document's file, with the folders that it is in. */
  async write(
    entry: IIndexEntry,
    update: Uint8Array
  ): Promise<Contents.IModel> {
    return saveFile(this._drive, entry.path, {
      type: entry.contentType,
      format: entry.format as Contents.FileFormat,
      content: contentOf(entry, update)
    });
  }

  /** Write the file of a document that this person has from the room. */
  async give(
    ledger: Ledger,
    entry: IIndexEntry,
    update: Uint8Array
  ): Promise<void> {
    const { path, genesis, contentType, format } = entry;
    const { last_modified: modified } = await this.write(entry, update);
    const kind = kindOf(contentType, format)!;
    const stateVector = [...kind.reached(update)];
    ledger.set(path, {
      genesis,
      stateVector,
      state: '',
      modified,
      given: true
    });
  }

  /** Rename a file; null where this person has just moved it away, of which the room hears. */
  async rename(from: string, to: string): Promise<Contents.IModel | null> {
    return withFile(this._baseUrl, from, async () => {
      const file = await this.moving(from);
      if (!file) {
        return null;
      }
      await makeFolder(this._drive, PathExt.dirname(to));
      return this._quietly(from, () => this._rename(from, to));
    });
  }

  delete(path: string): Promise<void> {
    return this._quietly(path, () => this._delete(path));
  }

  /**
   * Take away the folder that a file was in, if nothing is left in it, and those that it was in. `mayGo` is
   * asked before. Only the folder itself is taken away: what somebody just puts into it stays.
   */
  async dropFolders(
    path: string,
    mayGo: (folder: string) => boolean
  ): Promise<void> {
    const folder = PathExt.dirname(path);
    const model = folder
      ? await this._drive.get(folder, { content: true }).catch(() => null)
      : null;
    if (model?.content?.length === 0 && mayGo(folder)) {
      await this._drive.forgetPath?.(folder);
      await this._quietly(folder, async () =>
        this._emit({
          type: 'delete',
          oldValue: { path: folder },
          newValue: null
        })
      );
      await this.dropFolders(folder, mayGo);
    }
  }

  /** Have the tabs of this page follow a file that another page of this browser has moved. */
  async follow(from: string, to: string): Promise<void> {
    const newValue = await this.get(to);
    await this._quietly(from, async () => this.announce(from, newValue));
  }

  /** Say that what was at a path has another one now. */
  announce(from: string, newValue: Partial<Contents.IModel> | null): void {
    this._emit({ type: 'rename', oldValue: { path: from }, newValue });
  }

  /** A file that is about to get another name; those who have it open are told what it is until then. */
  async moving(path: string): Promise<Contents.IModel | null> {
    const file = await this.get(path);
    for (const document of this._documents) {
      if (file && document.path === path) {
        document.moving(file);
      }
    }
    return file;
  }

  /** Whether something quiet is being done to a file. */
  isQuiet(path: string): boolean {
    return this._doing.has(path);
  }

  /** Do something to a file of the drive which is not to be told to the room. */
  private async _quietly<T>(path: string, step: () => Promise<T>): Promise<T> {
    this._doing.add(path);
    try {
      return await step();
    } finally {
      this._doing.delete(path);
    }
  }

  private _emit(change: Contents.IChangedArgs): void {
    (this._drive.fileChanged as Signal<unknown, typeof change>).emit(change);
  }

  /** The drive's own. */
  private _rename: Drive['rename'];
  private _delete: Drive['delete'];
  private _doing = new Set<string>();
}
