/**
 * What the tests of this folder share: a room and a drive to stand in for the real ones, which need a
 * browser. Both do nothing but what they are told, and say what they were asked.
 */
import { IDocumentProviderFactory } from '@jupyter/docprovider';
import { Signal } from '@lumino/signaling';
import * as Y from 'yjs';
import { IIndexChange, IIndexEntry, IOwned } from '../api/types.js';
import { LocalFile } from './documents/index.js';

/** The history of a text file. */
export function update(text: string): Uint8Array {
  const model = new LocalFile();
  model.setSource(text);
  return Y.encodeStateAsUpdate(model.ydoc);
}

/** A line of the index about a text file. */
export function entry(path = 'folder/a.txt', genesis = 'genesis'): IIndexEntry {
  return { path, genesis, contentType: 'file', format: 'text' };
}

/** A room with a document `genesis`, which lives nowhere at first. */
export class FakeRoom {
  id = 'room';
  isDisposed = false;
  lives: IIndexEntry[] = [];
  documents = new Map([['genesis', update('from the room')]]);
  owns = new Map<string, Uint8Array>();
  orphaned: IOwned[] = [];
  released: string[] = [];
  told: unknown[][] = [];
  hear: (change: IIndexChange) => void = () => undefined;

  settled = async () => 'together' as const;
  entries = () => this.lives;
  entry = (path: string) => this.lives.find(one => one.path === path) ?? null;
  home = (genesis: string) =>
    this.lives.find(one => one.genesis === genesis) ?? null;
  fetch = async (genesis: string) => this.documents.get(genesis) ?? null;
  stateVector = (genesis: string) => {
    const update = this.documents.get(genesis);
    return update ? Y.encodeStateVectorFromUpdate(update) : null;
  };
  own = (genesis: string) => this.owns.get(genesis) ?? null;
  orphans = () => this.orphaned;
  release = (genesis: string) => {
    this.released.push(genesis);
    this.orphaned = this.orphaned.filter(
      ({ entry }) => entry.genesis !== genesis
    );
  };
  generation = () => 0;
  claim = async (line: IIndexEntry, update: Uint8Array) => {
    const there = this.entry(line.path);
    if (!there) {
      this.documents.set(line.genesis, update);
      this.lives.push(line);
    }
    return there ?? line;
  };
  attach = (genesis: string) => ({
    genesis,
    isDisposed: false,
    dispose: () => undefined
  });
  rename = (from: string, to: string) => void this.told.push([from, to]);
  remove = (path: string) => void this.told.push([path]);
  onIndex = (listener: (change: IIndexChange) => void) => {
    this.hear = listener;
    return () => undefined;
  };

  /** A document comes, moves or goes. */
  changes(before: IIndexEntry | null, after: IIndexEntry | null): void {
    this.lives = this.lives.filter(one => one.path !== before?.path);
    this.lives.push(...(after ? [after] : []));
    this.hear({ before, after });
  }
}

/** A drive that counts its dates up. */
export class FakeDrive {
  files = new Map<
    string,
    { content: string; last_modified: string; type: string }
  >();
  fileChanged = new Signal<this, any>(this);
  asked = 0;

  put(path: string, content: string, type = 'file') {
    const last_modified = String(++this._clock);
    this.files.set(path, { content, last_modified, type });
    return { ...this.files.get(path)!, path };
  }

  get = async (path: string): Promise<any> => {
    this.asked++;
    const file = this.files.get(path);
    if (!file) {
      throw new Error('no such file');
    }
    const isIn = (one: string) => one.startsWith(`${path}/`);
    const content =
      file.type === 'directory'
        ? [...this.files.keys()].filter(
            one => isIn(one) && !one.slice(path.length + 1).includes('/')
          )
        : file.content;
    return { ...file, content, path };
  };
  /** As JupyterLite's: nothing is put where there is no folder. */
  save = async (path: string, { content, type }: any): Promise<any> => {
    const folder = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    await (folder && this.get(folder));
    return this.put(path, content ?? '', type);
  };
  copy = async (path: string, folder: string): Promise<any> =>
    this.put(`${folder}/copy of ${path}`, (await this.get(path)).content);
  getDownloadUrl = async (path: string): Promise<string> =>
    (await this.get(path)).content;
  newUntitled = async ({ path }: any): Promise<any> =>
    this.save(`${path}/untitled.txt`, {});
  forgetPath = async (path: string): Promise<void> => {
    this.files.delete(path);
  };
  /** As JupyterLite's: the file is at both paths in between, and what is in a folder follows it. */
  rename = async (from: string, to: string): Promise<any> => {
    const { content, type } = await this.get(from);
    await Promise.resolve();
    const newValue = this.put(to, type === 'directory' ? '' : content, type);
    await Promise.resolve();
    this.files.delete(from);
    if (type === 'directory') {
      for (const path of content) {
        await this.rename(path, to + path.slice(from.length));
      }
    }
    this.fileChanged.emit({
      type: 'rename',
      oldValue: { path: from },
      newValue
    });
    return newValue;
  };
  listCheckpoints = async () => [];
  delete = async (path: string): Promise<void> => {
    for (const one of [...this.files.keys()]) {
      if (one === path || one.startsWith(`${path}/`)) {
        this.files.delete(one);
      }
    }
    this.fileChanged.emit({ type: 'delete', oldValue: { path } });
  };

  contents = () =>
    Object.fromEntries(
      [...this.files]
        .filter(([path]) => path.includes('.'))
        .map(([path, { content }]) => [path, content])
    );

  private _clock = 0;
}

/** What JupyterLab opens the text file at `path` with. */
export function opening(
  path: string,
  model: LocalFile,
  drive: FakeDrive
): IDocumentProviderFactory.IOptions {
  const user = {
    identity: null,
    ready: Promise.resolve(),
    userChanged: new Signal<object, void>({})
  };
  const format = 'text';
  const options = { path, contentType: 'file', format, model, drive, user };
  return options as unknown as IDocumentProviderFactory.IOptions;
}
