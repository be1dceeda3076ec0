/**
 * What happens when a document is opened in a room.
 *
 * Two people can come to a path with two different files, with the same file at the same instant, or
 * with none; and the room can have a document there, have had one, or not. The rule for all of it is
 * that nothing is lost and nothing is doubled:
 *
 * | the room                | my drive                  | then |
 * |-------------------------|---------------------------|------|
 * | has a document          | has no such file          | take the document, write the file |
 * | has a document          | has the same content      | take the document |
 * | has a document          | has an older version of it| take the document, write the file |
 * | has a document          | has the site's own file   | take the document, write the file |
 * | has what I saved last   | was changed since         | take the document, bring the change in |
 * | has a document          | has something else        | keep mine as a copy, then the same |
 * | names one nobody has    | has a file                | put mine in its place |
 * | has none                | has a file                | put mine there; take what wins |
 * | has none, or nobody has | has no such file          | the drive's own error |
 *
 * What comes out is the Yjs update to start from. Nothing here touches the open document, so that it
 * can be tried without one.
 */
import { Contents } from '@jupyterlab/services';
import { GenesisId, IIndexEntry, IRoom } from '../../api/types.js';
import { ILedger } from '../drive/ledger.js';
import { saveFile } from '../drive/lite-drive.js';

/** A document's content: nbformat JSON, or text with `\n` line endings. */
export type Content = any;

/** How a document's history begins. */
export interface ISeed {
  genesis: GenesisId;
  update: Uint8Array;
}

/** What must be known of a type of document; see `kinds.ts`. */
export interface IKind {
  /** The seed of a content at a path: for equal ones equal bytes, wherever that is possible. */
  seed(path: string, content: Content): Promise<ISeed>;
  /** The content after an update, trusting nothing in it. */
  contentOf(update: Uint8Array): Content;
  /** The same text for contents that differ in nothing a person would miss. */
  normalise(content: Content): string;
  /** The state vector of a document after an update. */
  reached(update: Uint8Array): Uint8Array;
  /** Whether a document with the first state vector has all that the second one counts. */
  covers(reached: Uint8Array, wanted: Uint8Array): boolean;
  /** A file's content as it is edited, and the line ending it had on disk. */
  fromFile(content: Content): { content: Content; lineEnding: string | null };
  /** And back. */
  toFile(content: Content, lineEnding: string | null): Content;
}

/** The part of a drive that is needed. */
export type IFiles = Pick<Contents.IDrive, 'get' | 'save'>;

/** Where, what and with whom. */
export interface IOpening {
  room: Pick<IRoom, 'settled' | 'entry' | 'claim' | 'fetch' | 'generation'>;
  files: IFiles;
  kind: IKind;
  ledger: ILedger;
  path: string;
  contentType: Contents.ContentType;
  format: NonNullable<Contents.FileFormat>;
  /** The first name for a copy of a path that is not among those taken. */
  copyName: (path: string, taken: ReadonlySet<string>) => string;
  /** What the site itself serves at a path, or null. */
  siteFile: (path: string) => Promise<Content | null>;
  /** My own version was different and was kept under another name. */
  onCopy: (path: string) => void;
}

/** What the open document starts from. */
export interface IOpened extends ISeed {
  lineEnding: string | null;
  /** My own version, if I had one. */
  mine: Content | null;
  /** Whether my version is to be brought into the document: it is what I have, and newer. */
  imports: boolean;
  /** When the drive says that the file was written. */
  modified: string;
}

/** A person's own version. */
export interface IMine {
  content: Content;
  lineEnding: string | null;
  /** When the drive says that the file with exactly this was written; null where it is in none. */
  modified: string | null;
}

/** More often than this a path does not change hands while one person opens it. */
const ATTEMPTS = 4;

/**
 * Settle what is to be edited at a path. Null where it is not to be shared: the file is of another
 * type than it is opened as (a notebook in the text editor). Rejects with the drive's own error where
 * neither the room nor the drive has it.
 */
export async function open(opening: IOpening): Promise<IOpened | null> {
  const { room, path, contentType } = opening;
  await room.settled();
  const file = await readFile(opening);
  if (file instanceof Missing) {
    const entry = room.entry(path);
    const opened =
      entry && entry.contentType === contentType
        ? await adopt(opening, entry, null)
        : null;
    if (!opened) {
      throw file.reason;
    }
    return opened;
  }
  if (!isOf(file, contentType)) {
    return null;
  }
  const { last_modified: modified } = file;
  return settle(opening, { ...opening.kind.fromFile(file.content), modified });
}

/** Settle a path for which I have a version of my own. */
export async function settle(
  opening: IOpening,
  mine: IMine
): Promise<IOpened | null> {
  const { room, path, contentType, format, kind } = opening;
  let lost = false;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    let entry = room.entry(path);
    if (!entry || lost) {
      const place = placeOf(path, room.generation(path));
      const seed = await kind.seed(place, mine.content);
      entry = await room.claim(
        { path, contentType, format, genesis: seed.genesis },
        seed.update,
        { replace: lost }
      );
    }
    if (entry.path !== path || entry.contentType !== contentType) {
      return null;
    }
    const opened = await adopt(opening, entry, mine);
    if (opened) {
      return opened;
    }
    if ((await room.settled()) === 'unanswered') {
      return null; // who has it may only be out of reach: nobody's document is replaced for that
    }
    lost = true; // the room names a document that is in nobody's hands any more
  }
  return null;
}

/**
 * Where a history begins: the path, and how often there was another document. One that begins where
 * another one was deleted, or moved away from, is another document even with the same content.
 */
function placeOf(path: string, generation: number): string {
  return generation === 0 ? path : `${path}\n${generation}`;
}

/** Take the room's document. Null when it is in nobody's hands any more. */
async function adopt(
  opening: IOpening,
  entry: IIndexEntry,
  mine: IMine | null
): Promise<IOpened | null> {
  const { room, kind } = opening;
  const { genesis } = entry;
  const update = await room.fetch(genesis);
  if (!update) {
    return null;
  }
  const lineEnding = mine?.lineEnding ?? null;
  const theirs = kind.contentOf(update);
  const opened = { genesis, update, lineEnding, mine: mine?.content ?? null };
  const same =
    mine !== null && kind.normalise(mine.content) === kind.normalise(theirs);
  let modified = same ? mine.modified : null;
  if (!same && mine && !(await isExpendable(opening, opened, mine))) {
    if (mine.modified !== null && isLastSaved(opening, opened)) {
      return { ...opened, imports: true, modified: mine.modified };
    }
    opening.onCopy(await keepCopy(opening, mine));
  }
  modified ??= await writeFile(opening, opening.path, {
    content: theirs,
    lineEnding
  });
  const stateVector = [...kind.reached(update)];
  opening.ledger.set(opening.path, {
    genesis,
    stateVector,
    state: '',
    modified,
    given: mine === null ? true : undefined
  });
  return { ...opened, imports: false, modified };
}

/**
 * Whether nothing is lost without my version, because it is one that the document has been through
 * (what I last saved of it, or what it began with), or because it is the site's own file, which I
 * never changed and the site still has.
 */
async function isExpendable(
  opening: IOpening,
  document: ISeed,
  mine: IMine
): Promise<boolean> {
  const { kind, ledger, path } = opening;
  const saved = ledger.get(path);
  if (
    saved?.genesis === document.genesis &&
    saved.modified === mine.modified &&
    // What I typed while nobody was connected went no further than my drive.
    kind.covers(
      kind.reached(document.update),
      Uint8Array.from(saved.stateVector)
    )
  ) {
    return true;
  }
  // The document at a path was the first one since what was there before it.
  const place = placeOf(path, Math.max(opening.room.generation(path) - 1, 0));
  if ((await kind.seed(place, mine.content)).genesis === document.genesis) {
    return true;
  }
  const original = await opening.siteFile(path);
  return (
    original !== null &&
    kind.normalise(kind.fromFile(original).content) ===
      kind.normalise(mine.content)
  );
}

/**
 * Whether the document is exactly in the state that I saved last. Then what something else made of the
 * file since, be it an upload or a kernel, is a change of that very state.
 */
function isLastSaved(opening: IOpening, document: ISeed): boolean {
  const { kind, ledger, path } = opening;
  const saved = ledger.get(path);
  if (saved?.genesis !== document.genesis) {
    return false;
  }
  const then = Uint8Array.from(saved.stateVector);
  const now = kind.reached(document.update);
  return kind.covers(now, then) && kind.covers(then, now);
}

/** Keep my version beside the room's; a copy that is already there with this content will do. */
async function keepCopy(opening: IOpening, mine: IMine): Promise<string> {
  const { kind, path } = opening;
  const taken = new Set<string>([path]);
  const wanted = kind.normalise(mine.content);
  for (;;) {
    const name = opening.copyName(path, taken);
    taken.add(name);
    let free = false;
    try {
      const file = await readFile({ ...opening, path: name });
      free = file instanceof Missing;
      if (
        !(file instanceof Missing) &&
        isOf(file, opening.contentType) &&
        kind.normalise(kind.fromFile(file.content).content) === wanted
      ) {
        return name;
      }
    } catch (reason) {
      // Whatever has that name can't be read, so it is not to be written over either.
      console.debug(reason);
    }
    if (free) {
      await writeFile(opening, name, mine);
      return name;
    }
  }
}

/** Whether a file is of a type. Of the types that extensions bring the drive knows but files. */
function isOf(file: Contents.IModel, contentType: string): boolean {
  const isFile = file.type === 'file' && contentType !== 'notebook';
  return file.type === contentType || isFile;
}

/** The drive has no such file, and said so like this. */
class Missing {
  constructor(readonly reason: unknown) {}
}

async function readFile(
  opening: Pick<IOpening, 'files' | 'path' | 'contentType' | 'format'>,
  again = true
): Promise<Contents.IModel | Missing> {
  const { files, path, format } = opening;
  const type = opening.contentType;
  let reason: unknown;
  try {
    return await files.get(path, { type, format, content: true });
  } catch (error) {
    reason = error;
  }
  // A file that can't be read (JSON that is none) is not a file that is not there: the room's must
  // not be written over it. JupyterLite's drive rejects both with a plain Error.
  const exists = await files.get(path, { content: false }).then(
    () => true,
    () => false
  );
  if (exists && again) {
    return readFile(opening, false); // the room's files are written as they appear: perhaps just now
  }
  if (exists) {
    throw reason;
  }
  return new Missing(reason);
}

/** Returns the drive's date of the file. */
async function writeFile(
  opening: IOpening,
  path: string,
  mine: Pick<IMine, 'content' | 'lineEnding'>
): Promise<string> {
  const file = await saveFile(opening.files, path, {
    type: opening.contentType,
    format: opening.format,
    content: opening.kind.toFile(mine.content, mine.lineEnding)
  });
  return file.last_modified;
}
