// @vitest-environment jsdom
/** Whether an open document gives way when the room has another one at its path. */
import { Signal } from '@lumino/signaling';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalFile } from '../documents/index.js';
import { Ledgers } from '../drive/ledger.js';
import { entry, FakeDrive, FakeRoom, opening } from '../testing.js';
import { DocumentProvider } from './document-provider.js';
import { LateMeetings } from './late.js';
import { OpenDocuments } from './open-documents.js';

const PATH = 'a.txt';
const COPY = 'a (my copy).txt';

describe('a document whose path goes to another one', () => {
  let room: FakeRoom;
  let drive: FakeDrive;
  let model: LocalFile;
  let document: DocumentProvider;
  let copied: string[];
  let reopened: DocumentProvider[];

  beforeEach(async () => {
    window.localStorage.clear();
    room = new FakeRoom();
    drive = new FakeDrive();
    model = new LocalFile();
    copied = [];
    reopened = [];
    const session: any = {
      enabled: true,
      room,
      roomChanged: new Signal({}),
      current: async () => room,
      notices: { copied: (_: string, copy: string) => copied.push(copy) }
    };
    const ledgers = new Ledgers(window.localStorage, '/');
    const documents = new OpenDocuments(session, ledgers, '/');
    const reopen = async (one: DocumentProvider) => void reopened.push(one);
    new LateMeetings({ session, documents, reopen });
    drive.put(PATH, 'mine');
    document = documents.create(opening(PATH, model, drive));
    await document.load({ type: 'file', format: 'text', content: true });
    model.setSource('typed');
  });

  /** Wait until it has given way. */
  const givesWay = () => vi.waitFor(() => expect(reopened).toEqual([document]));

  /** Until all has been done that the index has led to: it takes some turns, and no time. */
  const quiet = async () => {
    for (let turn = 0; turn < 20; turn++) {
      await new Promise(resolve => setTimeout(resolve));
    }
  };

  it('gives way, and is opened anew', async () => {
    room.changes(room.entry(PATH), entry(PATH));
    await givesWay();
    expect(drive.contents()).toEqual({
      [PATH]: 'from the room',
      [COPY]: 'typed'
    });
    expect(copied).toEqual([COPY]);
  });

  it('gives way once, however often the index changes meanwhile', async () => {
    const mine = room.entry(PATH);
    room.changes(mine, entry(PATH));
    room.hear({ before: mine, after: entry(PATH) });
    await givesWay();
    await quiet();
    expect(reopened).toHaveLength(1);
    expect(copied).toEqual([COPY]);
  });

  it('stays when it was moved and a new file made in its place, while this page slept', async () => {
    const mine = room.entry(PATH)!;
    const moved = { ...mine, path: 'moved.txt' };
    room.lives = [moved, entry(PATH)];
    // The index is told in no particular order.
    room.hear({ before: null, after: entry(PATH) });
    room.hear({ before: mine, after: moved });
    await quiet();
    expect(drive.contents()).toEqual({ [PATH]: 'mine' });
    expect(document.genesis).toBe(mine.genesis);
    expect(reopened).toEqual([]);
  });

  it('is not opened anew when it is closed before it has given way', async () => {
    const { save } = drive;
    drive.save = (path, file) => {
      document.dispose();
      return save(path, file);
    };
    room.changes(room.entry(PATH), entry(PATH));
    await vi.waitFor(() => expect(copied).toEqual([COPY]));
    await quiet();
    expect(reopened).toEqual([]);
  });
});
