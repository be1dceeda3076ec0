/**
 * The file of an open document, as JupyterLab is told of it.
 *
 * Before it saves, JupyterLab asks the drive for the file's date and, where there is one, its hash. If
 * that is another one than it was last told, something else changed the file, and JupyterLab asks the
 * person what to do. With dates alone it would ask whenever another tab of the same browser, with the
 * same document of the same room open, has saved it. So a live document answers with a hash of its
 * own: one and the same as long as the file is what this document, or another tab's view of it, has
 * written there; another one once it is not.
 */
import { Contents } from '@jupyterlab/services';
import { ISaved } from '../drive/ledger.js';

/** The hash of a file that nothing else has changed. */
const UNCHANGED = 'unchanged';

/** A live document, as far as its file is concerned. */
export interface ILiveState {
  /** What the ledger says of the path, if it is about this document. */
  saved: ISaved | null;
  /** Whether the document has all of that state. */
  hasSaved: boolean;
}

export class DriveFile {
  /** When this document last loaded or saved the file, by the drive's clock. */
  get modified(): string | null {
    return this._modified;
  }

  /** The hash of the file as JupyterLab has it. */
  get hash(): string {
    return this._hash;
  }

  /** The file is as this document has it: loaded, saved or renamed just now. */
  know(file: Pick<Contents.IModel, 'last_modified'>): void {
    this._modified = file.last_modified;
  }

  /** Whether the file is what this document, or another tab's view of it, has written. */
  isOwn(
    file: Pick<Contents.IModel, 'last_modified'>,
    live: ILiveState
  ): boolean {
    const { last_modified: modified } = file;
    return (
      modified === this._modified ||
      (modified === live.saved?.modified && live.hasSaved)
    );
  }

  /** Whether another tab has saved what this document does not have (yet). */
  isAhead(file: Contents.IModel, live: ILiveState): boolean {
    const { last_modified: modified } = file;
    return (
      modified !== this._modified &&
      modified === live.saved?.modified &&
      !live.hasSaved
    );
  }

  /** What JupyterLab is told of the file. */
  describe(file: Contents.IModel, isOwn: boolean): Contents.IModel {
    if (isOwn) {
      // Who has no hash yet (shared in place) compares dates.
      const last_modified = this._modified ?? file.last_modified;
      return { ...file, last_modified, hash: this._hash };
    }
    this._asked = `changed ${file.last_modified}`;
    return { ...file, hash: this._asked };
  }

  /** The document was brought to what the file has. JupyterLab goes on with the hash that it asked about. */
  reverted(file: Pick<Contents.IModel, 'last_modified'>): void {
    this.know(file);
    this._hash = this._asked ?? this._hash;
    this._asked = null;
  }

  /** The document was written to the file, whatever was there. */
  saved(file: Pick<Contents.IModel, 'last_modified'>): void {
    this.know(file);
    this._asked = null;
  }

  private _modified: string | null = null;
  private _hash = UNCHANGED;
  private _asked: string | null = null;
}
