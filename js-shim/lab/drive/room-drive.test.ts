// @vitest-environment jsdom
/** What becomes of a person's files when a room's documents come, move and go. */
import { beforeEach, describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { LocalFile } from '../documents/index.js';
import { entry, FakeDrive, FakeRoom, update } from '../testing.js';
import { exclusively } from './exclusive.js';
import { Ledger, Ledgers } from './ledger.js';
import { RoomDrive } from './room-drive.js';

const PATH = 'folder/a.txt';

describe('the room’s files', () => {
  let room: FakeRoom;
  let drive: FakeDrive;
  let ledger: Ledger;
  let open: {
    path: string;
    genesis: string | null;
    moving?: (file: any) => void;
  }[];
  let told: string[];
  let roomDrive: RoomDrive;

  /** Until nothing is left to be done. */
  const quiet = async () => {
    for (let i = 0; i < 10; i++) {
      await roomDrive.idle;
      await new Promise(resolve => setTimeout(resolve));
    }
  };

  /** While what goes on takes this many steps. */
  const turns = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await Promise.resolve();
    }
  };

  const begin = () => {
    roomDrive = new RoomDrive({
      session: { room, roomChanged: { connect: () => true } } as any,
      drive: drive as any,
      documents: open as any,
      baseUrl: '/',
      ledger: () => ledger,
      onCopy: (path, copy) => told.push(`${path} → ${copy}`),
      onDeleted: (path, here) => told.push(`${path} deleted: ${here}`),
      taken: path => `${path} is taken`,
      leaveFolder: (folder, to) => told.push(`from ${folder} to ${to}`)
    });
    return quiet();
  };

  /** A file that the room has and I have saved. */
  const haveSaved = async (given = true) => {
    room.lives = [entry()];
    const { last_modified: modified } = drive.put(PATH, 'from the room');
    ledger.set(PATH, {
      genesis: 'genesis',
      stateVector: [
        ...Y.encodeStateVectorFromUpdate(room.documents.get('genesis')!)
      ],
      state: '',
      modified,
      given
    });
    await begin();
  };

  beforeEach(() => {
    room = new FakeRoom();
    drive = new FakeDrive();
    window.localStorage.clear();
    ledger = new Ledgers(window.localStorage, '/').of(room.id);
    open = [];
    told = [];
  });

  it('appear', async () => {
    room.lives = [entry()];
    await begin();
    expect(drive.contents()).toEqual({ [PATH]: 'from the room' });
    expect(ledger.get(PATH)?.genesis).toBe('genesis');
    room.documents.set('other', update('another'));
    room.changes(null, entry('b.txt', 'other'));
    await quiet();
    expect(drive.contents()['b.txt']).toBe('another');
  });

  it('are not written over mine, and not unasked where a kernel might run them', async () => {
    drive.put(PATH, 'mine');
    room.documents.set('other', update('import os'));
    room.lives = [entry(), entry('json.py', 'other'), entry('.hidden.txt')];
    await begin();
    expect(drive.contents()).toEqual({ [PATH]: 'mine' });
  });

  it('are not written unasked where that would take long', async () => {
    room.documents.set('genesis', update('x'.repeat(2_000_000)));
    room.lives = [entry()];
    await begin();
    expect(drive.contents()).toEqual({});
  });

  it('do not keep the drive busy, however many the room names', async () => {
    const named = (_: unknown, i: number) => entry(`${i}.txt`, `${i}`);
    room.lives = Array.from({ length: 10_000 }, named);
    await begin();
    expect(drive.asked).toBeLessThanOrEqual(500);
  });

  it('that I have saved do not count among those that appear', async () => {
    const named = (_: unknown, i: number) => entry(`${i}.txt`, `${i}`);
    room.lives = [...Array.from({ length: 600 }, named), entry()];
    for (const { path, genesis } of room.lives.slice(0, 600)) {
      const { last_modified: modified } = drive.put(path, 'from the room');
      ledger.set(path, { genesis, stateVector: [0], state: '', modified });
    }
    await begin();
    expect(drive.contents()[PATH]).toBe('from the room');
  });

  it('move, and mine that is in the way is kept', async () => {
    await haveSaved();
    drive.put('b.txt', 'mine');
    room.changes(entry(), entry('b.txt'));
    await quiet();
    expect(drive.contents()).toEqual({
      'b.txt': 'from the room',
      'b (my copy).txt': 'mine'
    });
    expect(ledger.get('b.txt')?.modified).toBe(
      drive.files.get('b.txt')!.last_modified
    );
    expect(told).toEqual(['b.txt → b (my copy).txt']);
    expect(room.told).toEqual([]);
  });

  it('stay under their old name where a kernel might run them under the new one', async () => {
    await haveSaved();
    drive.put('folder/utils.py', 'mine');
    room.changes(entry(), entry('folder/utils.py'));
    await quiet();
    expect(drive.contents()).toEqual({
      [PATH]: 'from the room',
      'folder/utils.py': 'mine'
    });
  });

  it('make way for each other when several move at once', async () => {
    await haveSaved();
    room.documents.set('other', update('another'));
    room.changes(null, entry('b.txt', 'other'));
    await quiet();
    room.lives = [entry('b.txt'), entry('c.txt', 'other')];
    room.hear({ before: entry(), after: entry('b.txt') });
    room.hear({
      before: entry('b.txt', 'other'),
      after: entry('c.txt', 'other')
    });
    await quiet();
    expect(drive.contents()).toEqual({
      'b.txt': 'from the room',
      'c.txt': 'another'
    });
    expect(told).toEqual([]);
  });

  it.each([2, 3, 4])('change places, %i of them', async count => {
    const paths = Array.from({ length: count }, (_, i) => `${i}.txt`);
    const lives = (path: string, i: number) => entry(path, `document ${i}`);
    paths.forEach((path, i) =>
      room.documents.set(`document ${i}`, update(path))
    );
    room.lives = paths.map(lives);
    await begin();
    const next = (i: number) => paths[(i + 1) % count];
    room.lives = paths.map((_, i) => lives(next(i), i));
    paths.forEach((path, i) => {
      room.hear({ before: lives(path, i), after: lives(next(i), i) });
    });
    await quiet();
    expect(drive.contents()).toEqual(
      Object.fromEntries(paths.map((path, i) => [next(i), path]))
    );
    for (const i of paths.keys()) {
      const { genesis, modified } = ledger.get(next(i))!;
      expect(genesis).toBe(`document ${i}`);
      expect(modified).toBe(drive.files.get(next(i))!.last_modified);
    }
    expect(told).toEqual([]);
    expect(room.told).toEqual([]);
  });

  it('take the folder with them that they were the last in, and who looks at it', async () => {
    room.documents.set('other', update('another'));
    room.lives = [entry('a/b/c.txt'), entry('a/d.txt', 'other')];
    await begin();
    room.changes(entry('a/b/c.txt'), entry('e/b/c.txt'));
    await quiet();
    expect([...drive.files.keys()].sort()).toEqual(
      ['a', 'a/d.txt', 'e', 'e/b', 'e/b/c.txt'].sort()
    );
    room.changes(entry('a/d.txt', 'other'), null);
    await quiet();
    expect([...drive.files.keys()].sort()).toEqual(['e', 'e/b', 'e/b/c.txt']);
    expect(told).toEqual([
      'from a/b to e/b',
      'a/d.txt deleted: gone',
      'from a to '
    ]);
    expect(room.told).toEqual([]);
  });

  it('of a type that is not known here are held on to', async () => {
    const stateVector = Uint8Array.of(1, 1, 1);
    room.orphaned = [
      { entry: { ...entry(), contentType: 'cad' }, stateVector }
    ];
    await begin();
    expect(room.orphaned).toHaveLength(1);
  });

  it('go when somebody deletes them', async () => {
    await haveSaved();
    room.changes(entry(), null);
    await quiet();
    expect(drive.contents()).toEqual({});
    expect(told).toEqual([`${PATH} deleted: gone`]);
    expect(room.told).toEqual([]);
  });

  it.each(['are mine', 'are changed', 'are open', 'hold what I wrote'])(
    'stay if they %s',
    async why => {
      await haveSaved(why !== 'are mine');
      if (why === 'are changed') {
        drive.put(PATH, 'changed');
      } else if (why === 'hold what I wrote') {
        room.owns.set('genesis', Uint8Array.of(1, 1, 1));
      } else if (why === 'are open') {
        open.push({ path: PATH, genesis: 'genesis' });
      }
      room.changes(entry(), null);
      await quiet();
      expect(Object.keys(drive.contents())).toEqual([PATH]);
      expect(told).toHaveLength(1);
    }
  );

  it('that I wrote in and nobody has any more are kept once', async () => {
    const stateVector = Y.encodeStateVectorFromUpdate(
      room.documents.get('genesis')!
    );
    room.orphaned = [{ entry: entry(), stateVector }];
    await begin();
    expect(drive.contents()).toEqual({
      'folder/a (my copy).txt': 'from the room'
    });
    expect(room.orphaned).toEqual([]);
  });

  it('that I wrote in and have saved are kept already', async () => {
    const stateVector = Y.encodeStateVectorFromUpdate(
      room.documents.get('genesis')!
    );
    room.orphaned = [{ entry: entry(), stateVector }];
    await haveSaved(false);
    expect(Object.keys(drive.contents())).toEqual([PATH]);
    expect(room.orphaned).toEqual([]);
  });

  it('that I wrote in and deleted in another tab are wanted no more', async () => {
    await haveSaved(false);
    await drive.delete(PATH);
    await quiet();
    // And now in a tab that wrote in it, and hears that it is gone.
    const stateVector = room.stateVector('genesis')!;
    room.orphaned = [{ entry: entry(), stateVector }];
    room.hear({ before: entry(), after: null });
    await quiet();
    expect(drive.contents()).toEqual({});
    expect(room.orphaned).toEqual([]);
    expect(told).toEqual([]);
  });

  it('that I deleted are kept with what I wrote and had not seen when I did', async () => {
    await haveSaved(false);
    await drive.delete(PATH);
    await quiet();
    const { ydoc } = new LocalFile();
    Y.applyUpdate(ydoc, room.documents.get('genesis')!);
    ydoc.getText('source').insert(0, 'unseen and ');
    room.documents.set('genesis', Y.encodeStateAsUpdate(ydoc));
    const stateVector = Y.encodeStateVector(ydoc);
    room.orphaned = [{ entry: entry(), stateVector }];
    room.hear({ before: entry(), after: null });
    await quiet();
    expect(drive.contents()).toEqual({
      'folder/a (my copy).txt': 'unseen and from the room'
    });
  });

  it('that I show and deleted in another tab are not told of', async () => {
    await haveSaved(false);
    await drive.delete(PATH);
    await quiet();
    open.push({ path: PATH, genesis: 'genesis' });
    room.changes(entry(), null);
    await quiet();
    expect(told).toEqual([]);
  });

  it('that I show and deleted are not told of, whatever others typed meanwhile', async () => {
    await haveSaved(false);
    await drive.delete(PATH);
    await quiet();
    room.documents.set('genesis', update('from the room, and longer'));
    open.push({ path: PATH, genesis: 'genesis' });
    room.changes(entry(), null);
    await quiet();
    expect(told).toEqual([]);
  });

  it('that I show tell what they were before they were renamed, by whomever', async () => {
    await haveSaved();
    const { last_modified: before } = await drive.get(PATH);
    const dates: string[] = [];
    open.push({
      path: PATH,
      genesis: 'genesis',
      moving: ({ last_modified }) => dates.push(last_modified)
    });
    room.changes(entry(), entry('b.txt'));
    await quiet();
    expect(dates).toEqual([before]);
    open[0].path = 'b.txt';
    const { last_modified: next } = await drive.get('b.txt');
    await drive.rename('b.txt', 'c.txt');
    expect(dates).toEqual([before, next]);
  });

  it('do not lose their name to one that I rename', async () => {
    room.lives = [entry(), entry('b/c.py', 'other')];
    await haveSaved();
    room.lives.push(entry('b/c.py', 'other'));
    for (const name of ['b/c.py', 'b']) {
      const refusal = await drive.rename(PATH, name).catch(reason => reason);
      expect(refusal.message).toBe(`${name} is taken`);
      expect(refusal.response.status).not.toBe(409); // JupyterLab would ask whether to write over it
    }
    await quiet();
    expect(Object.keys(drive.contents())).toEqual([PATH]);
    expect(room.told).toEqual([]);
  });

  it('go back when somebody was quicker to give another one the name', async () => {
    await haveSaved();
    room.documents.set('other', update('another'));
    drive.fileChanged.connect((_, { type }) => {
      if (type === 'rename' && !room.entry('b.txt')) {
        room.lives.push(entry('b.txt', 'other'));
      }
    });
    await drive.rename(PATH, 'b.txt');
    await quiet();
    expect(drive.contents()).toEqual({
      [PATH]: 'from the room',
      'b.txt': 'another'
    });
    expect(room.told).toEqual([]);
  });

  it('are there still when somebody else gives them the very name that I do', async () => {
    for (let delay = 0; delay < 20; delay++) {
      drive = new FakeDrive();
      await haveSaved();
      room.changes(entry(), entry('b.txt'));
      await turns(delay);
      await drive.rename(PATH, 'b.txt');
      await quiet();
      expect(drive.contents(), `after ${delay}`).toEqual({
        'b.txt': 'from the room'
      });
    }
  });

  it.each([
    ['json.py', 'pickle.py'],
    ['lib', 'other']
  ])(
    'that are only listed are renamed for all when I do it: %s',
    async (from, to) => {
      const paths = from === 'lib' ? ['lib/a.py', 'lib/b/c.py'] : [from];
      room.lives = paths.map((path, i) => entry(path, `${i}`));
      await begin();
      const changes: any[] = [];
      drive.fileChanged.connect((_, change) => changes.push(change));
      const { path } = await drive.rename(from, to);
      await quiet();
      expect(path).toBe(to);
      expect(room.told).toEqual(
        paths.map(path => [path, path.replace(from, to)])
      );
      expect(changes).toMatchObject([
        { type: 'rename', oldValue: { path: from }, newValue: { path: to } }
      ]);
      expect(drive.contents()).toEqual({});
    }
  );

  it('that are only listed are written when I duplicate them, and not when a link to them is shown', async () => {
    room.lives = [entry('lib/a.py'), entry('b.py', 'other')];
    room.documents.set('other', update('another'));
    await begin();
    const blobs: Blob[] = [];
    URL.createObjectURL = blob => `blob:${blobs.push(blob as Blob)}`;
    expect(await drive.getDownloadUrl('lib/a.py')).toBe('blob:1');
    expect(blobs[0].size).toBe('from the room'.length);
    expect(drive.contents()).toEqual({});
    await drive.copy('b.py', '');
    await quiet();
    expect(drive.contents()).toEqual({
      'b.py': 'another',
      '/copy of b.py': 'another'
    });
    expect(ledger.get('b.py')?.given).toBe(true);
  });

  it('that are only listed are not written over what came while they did', async () => {
    room.lives = [entry('b.py')];
    await begin();
    const fetch = room.fetch;
    room.fetch = async genesis => {
      drive.put('b.py', 'mine');
      return fetch(genesis);
    };
    await drive.copy('b.py', '');
    expect(drive.contents()['b.py']).toBe('mine');
  });

  it('have folders into which I can put something', async () => {
    room.lives = [entry('lib/a/b.py')];
    await begin();
    drive.put('c.txt', 'mine');
    await drive.rename('c.txt', 'lib/a/c.txt');
    await drive.save('lib/d.txt', { content: 'also mine' });
    expect(drive.contents()).toEqual({
      'lib/a/c.txt': 'mine',
      'lib/d.txt': 'also mine'
    });
    await expect(drive.save('other/d.txt', {})).rejects.toThrow();
  });

  it('keep the folder in which others are listed', async () => {
    room.documents.set('other', update('another'));
    room.lives = [entry(), entry('folder/b.py', 'other')];
    await begin();
    room.changes(entry(), entry('a.txt'));
    await quiet();
    expect(drive.files.has('folder')).toBe(true);
  });

  it('move with the folder that I rename, whatever is in it', async () => {
    room.documents.set('other', update('another'));
    room.lives = [entry('lib/sub/n.txt'), entry('lib/sub/x.py', 'other')];
    await begin();
    drive.put('lib/zzz.txt', 'mine');
    await drive.rename('lib', 'lib2');
    await quiet();
    expect(drive.contents()).toEqual({
      'lib2/sub/n.txt': 'from the room',
      'lib2/zzz.txt': 'mine'
    });
    expect(room.told).toEqual([
      ['lib/sub/x.py', 'lib2/sub/x.py'],
      ['lib/sub/n.txt', 'lib2/sub/n.txt']
    ]);
  });

  it.each(['a move', 'a deletion'])(
    'end where the room has them when %s comes while I rename their folder',
    async what => {
      for (let delay = 0; delay < 40; delay++) {
        window.localStorage.clear();
        drive = new FakeDrive();
        room = new FakeRoom();
        room.documents.set('other', update('another'));
        room.lives = [entry('lib/a.txt'), entry('lib/b.txt', 'other')];
        await begin();
        drive.put('lib/c.txt', 'mine');
        const renaming = drive.rename('lib', 'lib2');
        await turns(delay);
        const after = what === 'a move' ? entry('d.txt', 'other') : null;
        room.changes(entry('lib/b.txt', 'other'), after);
        await renaming;
        await quiet();
        const { 'lib2/c.txt': mine, 'lib2/a.txt': theirs } = drive.contents();
        expect([mine, theirs], `after ${delay}`).toEqual([
          'mine',
          'from the room'
        ]);
      }
    }
  );

  it('stay when I rename them to what they are called', async () => {
    await haveSaved();
    drive.put('mine.txt', 'mine');
    await drive.rename('mine.txt', 'mine.txt');
    await drive.rename(PATH, PATH);
    await quiet();
    expect(drive.contents()).toEqual({
      'mine.txt': 'mine',
      [PATH]: 'from the room'
    });
  });

  it('change places when I have them do so, over a name of my own', async () => {
    room.documents.set('other', update('another'));
    room.lives = [entry('a.txt'), entry('b.txt', 'other')];
    await begin();
    room.rename = (from, to) => {
      room.told.push([from, to]);
      const { genesis } = room.entry(from)!;
      room.lives = room.lives.filter(one => one.genesis !== genesis);
      room.lives.push(entry(to, genesis));
    };
    let release!: () => void;
    const busy = new Promise<void>(resolve => (release = resolve));
    void exclusively('jupyterlite-webrtc:room-drive', () => busy);
    await drive.rename('a.txt', 'c.txt');
    const second = drive.rename('b.txt', 'a.txt'); // of the first the room has not heard yet
    setTimeout(release);
    await second;
    await drive.rename('c.txt', 'b.txt');
    await quiet();
    expect(drive.contents()).toEqual({
      'a.txt': 'another',
      'b.txt': 'from the room'
    });
  });

  it('are changed files when something else puts its own in their place', async () => {
    await haveSaved();
    drive.put('tmp', 'written by a kernel');
    await drive.rename('tmp', PATH);
    expect(drive.contents()[PATH]).toBe('written by a kernel');
  });

  it('that are only listed are deleted for all when I do it', async () => {
    room.lives = [entry('json.py')];
    await begin();
    await drive.delete('json.py');
    await quiet();
    expect(room.told).toEqual([['json.py']]);
    expect(room.released).toEqual(['genesis']);
    expect(ledger.letGoOf('genesis')).toEqual(room.stateVector('genesis'));
  });

  it('that are only listed are deleted for all when I delete their folder', async () => {
    room.lives = [entry('lib/a.py'), entry('library.py', 'other')];
    await begin();
    await drive.delete('lib');
    await quiet();
    expect(room.told).toEqual([['lib/a.py']]);
  });

  it('stay when I delete a file of mine that only has the same name', async () => {
    room.lives = [entry('json.py')];
    drive.put('json.py', 'mine');
    await begin();
    await drive.delete('json.py');
    await quiet();
    expect(room.told).toEqual([]);
  });

  it('are renamed and deleted for all when I do it', async () => {
    await haveSaved();
    await drive.rename(PATH, 'b.txt');
    await quiet();
    expect(room.told).toEqual([[PATH, 'b.txt']]);
    room.changes(entry(), entry('b.txt'));
    await quiet();
    await drive.delete('b.txt');
    await quiet();
    expect(room.told).toEqual([[PATH, 'b.txt'], ['b.txt']]);
    expect(drive.contents()).toEqual({});
  });

  it('are not doubled when I rename them at the moment in which somebody else does', async () => {
    for (let delay = 0; delay < 20; delay++) {
      drive = new FakeDrive();
      await haveSaved();
      room.changes(entry(), entry('theirs.txt'));
      await turns(delay);
      await drive.rename(PATH, 'mine.txt');
      await quiet();
      expect(Object.keys(drive.contents()), `after ${delay}`).toHaveLength(1);
    }
  });

  it('are not written again where I have just renamed them', async () => {
    await haveSaved();
    const renaming = drive.rename(PATH, 'mine.txt');
    room.changes(entry(), entry('theirs.txt'));
    await renaming;
    await quiet();
    expect(Object.keys(drive.contents())).toHaveLength(1);
  });

  it('follow my rename when the room had moved them meanwhile', async () => {
    await haveSaved();
    room.lives = [entry('theirs.txt')];
    await drive.rename(PATH, 'mine.txt');
    await quiet();
    expect(room.told).toEqual([['theirs.txt', 'mine.txt']]);
  });

  it('are not told of when they are no more than mine', async () => {
    drive.put('mine.txt', 'mine');
    await begin();
    await drive.rename('mine.txt', 'also mine.txt');
    await drive.delete('also mine.txt');
    await quiet();
    expect(room.told).toEqual([]);
  });
});
