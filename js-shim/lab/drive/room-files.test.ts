/** What `docmanager:open` hears of a document that only the room has. */
import { Contents } from '@jupyterlab/services';
import { beforeEach, describe, expect, it } from 'vitest';
import { IIndexEntry, IRoom, Settlement } from '../../api/types.js';
import { announceRoomFiles } from './room-files.js';

const NONE = new Error('no such file');
const OURS = { path: 'ours.txt', type: 'file' } as Contents.IModel;

const FOLDER = {
  path: 'folder',
  type: 'directory',
  content: [{ path: 'folder/ours.ipynb', type: 'notebook' }]
} as Contents.IModel;

const inRoom: IIndexEntry = {
  path: 'folder/theirs.ipynb',
  genesis: 'genesis',
  contentType: 'notebook',
  format: 'json'
};

/** A drive with one file, a room with one document, which is known once the others have been found. */
function stage() {
  let settle!: (settlement: Settlement) => void;
  const settled = new Promise<Settlement>(resolve => (settle = resolve));
  let isSettled = false;
  void settled.then(() => (isSettled = true));
  const room = {
    settled: () => settled,
    entry: (path: string) =>
      isSettled && path === inRoom.path ? inRoom : null,
    entries: () => [inRoom, { ...inRoom, path: 'folder/ours.ipynb' }]
  } as IRoom;
  const session = {
    current: async (): Promise<IRoom | null> => room,
    room: room as IRoom | null
  };
  const asked: unknown[][] = [];
  const contents = {
    get: async (path: string, options?: Contents.IFetchOptions) => {
      asked.push([path, options]);
      if (path === 'folder') {
        return FOLDER;
      }
      if (path !== OURS.path) {
        throw NONE;
      }
      return OURS;
    }
  };
  announceRoomFiles(contents, session);
  return { contents, session, asked, settle: () => settle('together') };
}

describe('a file of the room', () => {
  let { contents, session, asked, settle } = stage();
  const ask = (path: string) => contents.get(path, { content: false });

  beforeEach(() => {
    ({ contents, session, asked, settle } = stage());
  });

  it('is listed in its folder, once', async () => {
    const listed = async () =>
      (await contents.get('folder')).content.map(({ path }: any) => path);
    expect(await listed()).toEqual(['folder/ours.ipynb', inRoom.path]);
    session.room = null;
    expect(await listed()).toEqual(['folder/ours.ipynb']);
  });

  it('is listed in a folder that only the room has, and that folder in its own', async () => {
    const inner = { ...inRoom, path: 'folder/a/b/theirs.py' };
    session.room = { entries: () => [inRoom, inner] } as unknown as IRoom;
    const listed = async (path: string) =>
      (await contents.get(path, { content: true })).content.map(
        ({ path, type }: any) => [path, type]
      );
    expect(await listed('folder')).toContainEqual(['folder/a', 'directory']);
    expect(await listed('folder/a')).toEqual([['folder/a/b', 'directory']]);
    const { path, type, content } = await contents.get('folder/a/b');
    expect([path, type]).toEqual(['folder/a/b', 'directory']);
    expect(content).toMatchObject([{ path: inner.path, type: 'notebook' }]);
  });

  it('is there, before the drive has it', async () => {
    settle();
    expect(await ask(inRoom.path)).toMatchObject({
      name: 'theirs.ipynb',
      path: inRoom.path,
      type: 'notebook',
      content: null,
      writable: true
    });
  });

  it('is waited for while it is not known who is here', async () => {
    let isAnswered = false;
    const answer = ask(inRoom.path);
    void answer.then(() => (isAnswered = true));
    await new Promise(resolve => setTimeout(resolve));
    expect(isAnswered).toBe(false);
    settle();
    expect((await answer).path).toBe(inRoom.path);
  });

  it('has no content: that comes when it is loaded', async () => {
    settle();
    await expect(contents.get(inRoom.path, { content: true })).rejects.toBe(
      NONE
    );
    await expect(contents.get(inRoom.path)).rejects.toBe(NONE);
  });

  it('seems not to have been changed meanwhile', async () => {
    settle();
    const { last_modified } = await ask(inRoom.path);
    expect(Date.parse(last_modified)).toBe(0);
  });

  it('gives way to a file of the drive, which nobody waits for', async () => {
    expect(await ask(OURS.path)).toBe(OURS);
    expect(asked).toEqual([[OURS.path, { content: false }]]);
  });

  it('is not made up: what neither has is the drive’s own error', async () => {
    settle();
    await expect(ask('nobody.txt')).rejects.toBe(NONE);
  });

  it('is nobody’s without a room', async () => {
    session.current = async () => null;
    await expect(ask(inRoom.path)).rejects.toBe(NONE);
  });
});
