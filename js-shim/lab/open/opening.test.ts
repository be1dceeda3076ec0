/**
 * Every way in which two people can come to one path. The room and the drive are stand-ins; a content
 * is a text, and a document's history is the list of the contents it has had.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { IIndexEntry, Settlement } from '../../api/types.js';
import { copyName } from '../documents/names.js';
import { ILedger, ISaved } from '../drive/ledger.js';
import { IKind, IOpening, open, settle } from './opening.js';

const encode = (history: string[]) =>
  new TextEncoder().encode(JSON.stringify(history));
const decode = (update: Uint8Array): string[] =>
  JSON.parse(new TextDecoder().decode(update));
const genesisOf = (content: string) => `genesis of ${content}`;

/** Contents that differ in letter case only are the same to a person. */
const kind: IKind = {
  seed: async (_path, content) => ({
    genesis: genesisOf(content),
    update: encode([content])
  }),
  contentOf: update => decode(update).at(-1)!,
  normalise: content => content.toLowerCase(),
  reached: update => Uint8Array.of(decode(update).length),
  covers: (reached, wanted) => reached[0] >= wanted[0],
  fromFile: content => ({
    content: content.replace(/\r\n/g, '\n'),
    lineEnding: content.includes('\r\n') ? '\r\n' : null
  }),
  toFile: (content, lineEnding) =>
    lineEnding ? content.replace(/\n/g, lineEnding) : content
};

class FakeRoom {
  index = new Map<string, IIndexEntry>();
  documents = new Map<string, Uint8Array>();
  claims: { genesis: string; replace: boolean }[] = [];
  isSettled = false;
  /** What happens between my question and my claim. */
  meanwhile: () => void = () => undefined;

  put(path: string, ...history: string[]) {
    const genesis = genesisOf(history[0]);
    this.index.set(path, {
      path,
      genesis,
      contentType: 'file',
      format: 'text'
    });
    this.documents.set(genesis, encode(history));
  }

  settlement: Settlement = 'together';

  async settled(): Promise<Settlement> {
    await Promise.resolve();
    this.isSettled = true;
    return this.settlement;
  }

  generation(path: string) {
    return this.generations.get(path) ?? 0;
  }

  generations = new Map<string, number>();

  entry(path: string) {
    expect(this.isSettled).toBe(true);
    return this.index.get(path) ?? null;
  }

  async claim(
    entry: IIndexEntry,
    update: Uint8Array,
    { replace = false } = {}
  ) {
    this.meanwhile();
    this.claims.push({ genesis: entry.genesis, replace });
    const taken = this.index.get(entry.path);
    if (taken && !replace && taken.genesis !== entry.genesis) {
      return taken;
    }
    if (taken?.genesis !== entry.genesis) {
      this.index.set(entry.path, entry);
      this.generations.set(entry.path, this.generation(entry.path) + 1);
    }
    if (!this.documents.has(entry.genesis)) {
      this.documents.set(entry.genesis, update);
    }
    return entry;
  }

  async fetch(genesis: string) {
    return this.documents.get(genesis) ?? null;
  }
}

class FakeDrive {
  files = new Map<
    string,
    { content: string; type: string; last_modified: string }
  >();
  saves: string[] = [];
  /** Paths that exist and can't be read. */
  broken = new Set<string>();

  put(path: string, content: string, type = 'file') {
    const last_modified = new Date(++this._clock).toISOString();
    this.files.set(path, { content, type, last_modified });
    return this.files.get(path)!;
  }

  get = async (path: string, options: any): Promise<any> => {
    const file = this.files.get(path);
    if (!file) {
      throw new Error(`Could not find content with path ${path}`);
    }
    if (options.content && this.broken.has(path)) {
      throw new SyntaxError('Unexpected token');
    }
    return { ...file, content: options.content ? file.content : null };
  };

  save = async (path: string, model: any): Promise<any> => {
    this.saves.push(path);
    return this.put(path, model.content, model.type);
  };

  private _clock = 0;
}

class FakeLedger implements ILedger {
  lines = new Map<string, ISaved>();
  get = (path: string) => this.lines.get(path) ?? null;
  set = (path: string, saved: ISaved) => void this.lines.set(path, saved);
  delete = (path: string) => void this.lines.delete(path);
}

const PATH = 'lesson.txt';
const COPY = 'lesson (my copy).txt';

describe('opening a document in a room', () => {
  let room: FakeRoom;
  let drive: FakeDrive;
  let ledger: FakeLedger;
  let copies: string[];
  let site: Map<string, string>;
  let opening: IOpening;

  beforeEach(() => {
    room = new FakeRoom();
    drive = new FakeDrive();
    ledger = new FakeLedger();
    copies = [];
    site = new Map();
    opening = {
      room,
      files: drive as any,
      kind,
      ledger,
      path: PATH,
      contentType: 'file',
      format: 'text',
      copyName,
      siteFile: async path => site.get(path) ?? null,
      onCopy: copy => copies.push(copy)
    };
  });

  const content = (path = PATH) => drive.files.get(path)?.content;
  const opened = async () => kind.contentOf((await open(opening))!.update);

  it('gives a guest without the file the room’s', async () => {
    room.put(PATH, 'first', 'theirs');
    expect(await opened()).toBe('theirs');
    expect(content()).toBe('theirs');
    expect(copies).toEqual([]);
  });

  it('takes the room’s when mine has the same content, and writes nothing', async () => {
    room.put(PATH, 'first', 'Same');
    drive.put(PATH, 'same');
    expect(await opened()).toBe('Same');
    expect(drive.saves).toEqual([]);
    expect(copies).toEqual([]);
  });

  it('keeps mine as a copy when it is another', async () => {
    room.put(PATH, 'theirs');
    drive.put(PATH, 'mine');
    expect(await opened()).toBe('theirs');
    expect(content()).toBe('theirs');
    expect(content(COPY)).toBe('mine');
    expect(copies).toEqual([COPY]);
    // The copy first: whatever stops the page between the two, mine is there.
    expect(drive.saves).toEqual([COPY, PATH]);
  });

  it('says so each time, but makes one copy of one content', async () => {
    drive.put(COPY, 'MINE');
    room.put(PATH, 'theirs');
    drive.put(PATH, 'mine');
    await opened();
    expect(drive.saves).toEqual([PATH]);
    expect(copies).toEqual([COPY]);
  });

  it('never writes over another copy, nor over what can’t be read', async () => {
    drive.put(COPY, 'an older one');
    drive.put('lesson (my copy 2).txt', 'x');
    drive.broken.add('lesson (my copy 2).txt');
    room.put(PATH, 'theirs');
    drive.put(PATH, 'mine');
    await opened();
    expect(content(COPY)).toBe('an older one');
    expect(content('lesson (my copy 2).txt')).toBe('x');
    expect(content('lesson (my copy 3).txt')).toBe('mine');
  });

  it('makes no copy of what the document began with', async () => {
    room.put(PATH, 'from the site', 'edited since');
    drive.put(PATH, 'from the site');
    expect(await opened()).toBe('edited since');
    expect(content()).toBe('edited since');
    expect(copies).toEqual([]);
  });

  it('makes no copy of what was saved here before the others went on', async () => {
    room.put(PATH, 'first', 'second');
    drive.put(PATH, 'other');
    await opened();
    copies.length = 0;
    room.put(PATH, 'first', 'second', 'third');
    expect(await opened()).toBe('third');
    expect(content()).toBe('third');
    expect(copies).toEqual([]);
  });

  it('makes no copy of the site’s own file, but of what was made of it', async () => {
    site.set(PATH, 'from the site');
    room.put(PATH, 'edited, then shared');
    drive.put(PATH, 'from the site');
    expect(await opened()).toBe('edited, then shared');
    expect(copies).toEqual([]);
    drive.put(PATH, 'from the site, and edited');
    room.put(PATH, 'edited, then shared', 'and again');
    await opened();
    expect(content(COPY)).toBe('from the site, and edited');
  });

  it('makes a copy of what was saved here and never reached the others', async () => {
    room.put(PATH, 'first', 'second', 'typed while nobody was connected');
    await opened();
    // Those who are here now have never seen the last state.
    room.put(PATH, 'first', 'second');
    expect(await opened()).toBe('second');
    expect(content(COPY)).toBe('typed while nobody was connected');
  });

  it('brings in what something else made of the file since', async () => {
    room.put(PATH, 'first', 'second');
    drive.put(PATH, 'first');
    await opened();
    drive.put(PATH, 'second, changed by hand');
    const result = await open(opening);
    expect(result).toMatchObject({
      imports: true,
      mine: 'second, changed by hand',
      modified: drive.files.get(PATH)!.last_modified
    });
    expect(kind.contentOf(result!.update)).toBe('second');
    expect(content()).toBe('second, changed by hand');
    expect(copies).toEqual([]);
  });

  it('makes a copy when the file was changed outside, and the document too', async () => {
    room.put(PATH, 'first', 'second');
    drive.put(PATH, 'first');
    await opened();
    drive.put(PATH, 'changed by hand');
    room.put(PATH, 'first', 'second', 'third');
    expect(await opened()).toBe('third');
    expect(content(COPY)).toBe('changed by hand');
  });

  it('makes a copy of what was saved of another document', async () => {
    room.put(PATH, 'one');
    drive.put(PATH, 'one');
    await opened();
    room.put(PATH, 'another');
    expect(await opened()).toBe('another');
    expect(content(COPY)).toBe('one');
  });

  it('seeds the room where it has nothing', async () => {
    drive.put(PATH, 'mine');
    const result = await open(opening);
    expect(result?.genesis).toBe(genesisOf('mine'));
    expect(room.claims).toEqual([
      { genesis: genesisOf('mine'), replace: false }
    ]);
    expect(drive.saves).toEqual([]);
  });

  it('is one document when both seed the same at once', async () => {
    drive.put(PATH, 'same');
    room.meanwhile = () => room.put(PATH, 'same', 'same and typed');
    expect(await opened()).toBe('same and typed');
    expect(copies).toEqual([]);
  });

  it('takes what won when both seed differently at once', async () => {
    drive.put(PATH, 'mine');
    room.meanwhile = () => room.put(PATH, 'theirs');
    expect(await opened()).toBe('theirs');
    expect(content(COPY)).toBe('mine');
    expect(copies).toEqual([COPY]);
  });

  it('puts mine in the place of what nobody has any more', async () => {
    room.put(PATH, 'gone');
    room.documents.clear();
    drive.put(PATH, 'mine');
    expect(await opened()).toBe('mine');
    expect(room.claims).toEqual([
      { genesis: genesisOf('mine'), replace: true }
    ]);
    expect(content()).toBe('mine');
  });

  it('replaces nothing while nobody can be reached', async () => {
    room.settlement = 'unanswered';
    room.put(PATH, 'gone');
    room.documents.clear();
    drive.put(PATH, 'mine');
    expect(await open(opening)).toBeNull();
    expect(room.claims).toEqual([]);
  });

  it('gives the drive’s own error where nobody has it', async () => {
    await expect(open(opening)).rejects.toThrow('Could not find content');
    room.put(PATH, 'gone');
    room.documents.clear();
    await expect(open(opening)).rejects.toThrow('Could not find content');
    expect(drive.saves).toEqual([]);
    expect(room.claims).toEqual([]);
  });

  it('opens a file that is written while it is looked for', async () => {
    room.put(PATH, 'theirs');
    const { get } = drive;
    drive.get = async (path, options) => {
      const found = get(path, options);
      if (!drive.files.has(PATH)) {
        drive.put(PATH, 'theirs');
      }
      return found;
    };
    expect((await open(opening))?.genesis).toBe(genesisOf('theirs'));
  });

  it('does not write over a file that can’t be read', async () => {
    room.put(PATH, 'theirs');
    drive.put(PATH, 'not JSON');
    drive.broken.add(PATH);
    await expect(open(opening)).rejects.toThrow(SyntaxError);
    expect(content()).toBe('not JSON');
  });

  it('shares no notebook that is opened as a text', async () => {
    drive.put(PATH, '{}', 'notebook');
    expect(await open(opening)).toBe(null);
    expect(room.claims).toEqual([]);
  });

  it('takes no notebook for a text', async () => {
    room.put(PATH, 'theirs');
    room.index.get(PATH)!.contentType = 'notebook';
    drive.put(PATH, 'mine');
    expect(await open(opening)).toBe(null);
    expect(content()).toBe('mine');
    drive.files.clear();
    await expect(open(opening)).rejects.toThrow('Could not find content');
  });

  it('keeps line endings: mine in my file and in my copy', async () => {
    room.put(PATH, 'a\nb');
    drive.put(PATH, 'c\r\nd');
    const result = await open(opening);
    expect(result?.lineEnding).toBe('\r\n');
    expect(content()).toBe('a\r\nb');
    expect(content(COPY)).toBe('c\r\nd');
  });

  it('settles what is open when two met late', async () => {
    room.put(PATH, 'theirs');
    await room.settled();
    drive.put(PATH, 'saved long ago');
    await settle(opening, {
      content: 'typed since',
      lineEnding: null,
      modified: null
    });
    expect(content()).toBe('theirs');
    expect(content(COPY)).toBe('typed since');
  });
});
