// @vitest-environment jsdom
/** One open document: where it is saved, and what becomes of it when another one has its place. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { IRoom } from '../../api/types.js';
import { LocalFile } from '../documents/index.js';
import { exclusively } from '../drive/exclusive.js';
import { Ledger, Ledgers } from '../drive/ledger.js';
import { entry, FakeDrive, FakeRoom, opening } from '../testing.js';
import { DocumentProvider } from './document-provider.js';

const PATH = 'a.txt';
const OPTIONS = { type: 'file', format: 'text', content: true } as const;

let room: FakeRoom;
let drive: FakeDrive;
let ledger: Ledger;
let model: LocalFile;
let document: DocumentProvider;

beforeEach(async () => {
  window.localStorage.clear();
  room = new FakeRoom();
  drive = new FakeDrive();
  ledger = new Ledgers(window.localStorage, '/').of(room.id);
  model = new LocalFile();
  drive.put(PATH, 'mine');
  document = new DocumentProvider({
    ...opening(PATH, model, drive),
    session: { enabled: true, room, current: async () => room } as any,
    baseUrl: '/',
    ledger: () => ledger
  });
  await document.load(OPTIONS);
});

afterEach(() => document.dispose());

/** Save it, as JupyterLab does. */
const save = () =>
  document.store({ ...OPTIONS, content: model.getSource() } as any);

it('is saved under the name that its file got while another tab had it', async () => {
  let goOn!: () => void;
  const gate = new Promise<void>(resolve => (goOn = resolve));
  const inOtherTab = exclusively(`jupyterlite-webrtc:/:${PATH}`, () => gate);
  model.setSource('typed');
  const saving = save();
  await drive.rename(PATH, 'b.txt');
  await document.rename('b.txt');
  goOn();
  await Promise.all([inOtherTab, saving]);
  expect(drive.contents()).toEqual({ 'b.txt': 'typed' });
  expect(ledger.get('b.txt')?.genesis).toBe(document.genesis);
});

it('gives way: what it had is a copy, and is held no more', async () => {
  const genesis = document.genesis!;
  model.setSource('typed');
  room.lives = [entry(PATH)];
  expect(await document.giveWay(room as unknown as IRoom)).toBe(true);
  expect(drive.contents()).toEqual({
    [PATH]: 'from the room',
    'a (my copy).txt': 'typed'
  });
  expect(room.released).toEqual([genesis]);
});

it('gives way: what is typed meanwhile is in no copy, and is held', async () => {
  model.setSource('typed');
  room.lives = [entry(PATH)];
  const { save } = drive;
  drive.save = (path, file) => {
    model.setSource('typed meanwhile');
    return save(path, file);
  };
  expect(await document.giveWay(room as unknown as IRoom)).toBe(true);
  expect(drive.contents()['a (my copy).txt']).toBe('typed');
  expect(room.released).toEqual([]);
});

it.each([false, true])(
  'is asked about after a rename only if something else had changed it: %s',
  async isChanged => {
    model.setSource('typed');
    await save();
    if (isChanged) {
      drive.put(PATH, 'changed outside');
    }
    document.moving(await drive.get(PATH));
    await drive.rename(PATH, 'b.txt');
    await document.rename('b.txt');
    const { hash } = await document.describe({ content: false });
    expect(hash === 'unchanged').toBe(!isChanged);
    const isSaved =
      ledger.get('b.txt')?.modified === drive.files.get('b.txt')!.last_modified;
    expect(isSaved).toBe(!isChanged);
  }
);
