/**
 * Documents of the room that this person's drive has no file of yet.
 *
 * A click on somebody's document in the list of people executes `docmanager:open`. That command first
 * asks whether there is such a file, and ends with an error where there is none; so a guest could open
 * no document but the one in the link. Here the question is answered from the room's index, and so is the
 * one for what is in a folder, also in one that only the room has. Only the questions: the content comes
 * when the document is loaded, and the file is written then.
 */
import { PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';
import { IRoom } from '../../api/types.js';
import { IRoomSession } from '../room/session.js';

/** Have `contents` know of the room's documents. The drive itself, which we ask, does not. */
export function announceRoomFiles(
  contents: Pick<Contents.IManager, 'get'>,
  session: Pick<IRoomSession, 'current' | 'room'>
): void {
  const get = contents.get.bind(contents);
  contents.get = async (path, options) => {
    try {
      return withRoomFiles(await get(path, options), session.room);
    } catch (reason) {
      if (options?.content !== false) {
        const folder = describe(path, 'directory');
        const { content } = withRoomFiles(
          { ...folder, content: [] },
          session.room
        );
        if (content.length) {
          return { ...folder, content };
        }
        throw reason;
      }
      // A link is followed while the page still looks for the others: their word is waited for.
      const room = await session.current();
      await room?.settled();
      const entry = room?.entry(path);
      if (!entry) {
        throw reason;
      }
      return describe(path, entry.contentType);
    }
  };
}

/** A folder, with what the room has there and the drive has not. */
function withRoomFiles(
  folder: Contents.IModel,
  room: IRoom | null
): Contents.IModel {
  if (!room || folder.type !== 'directory' || !Array.isArray(folder.content)) {
    return folder;
  }
  const prefix = folder.path && `${folder.path}/`;
  const content = new Map(folder.content.map(one => [one.path, one]));
  for (const { path, contentType } of room.entries()) {
    if (path.startsWith(prefix)) {
      const [name, ...below] = path.slice(prefix.length).split('/');
      const one = prefix + name;
      const type = below.length ? 'directory' : contentType;
      const listed = { ...describe(one, type), last_modified: LOADED };
      content.set(one, content.get(one) ?? listed);
    }
  }
  return { ...folder, content: [...content.values()] };
}

/** What is shown as the date of what is only listed. */
const LOADED = new Date().toISOString();

/** So old that nobody takes it for a file that was changed meanwhile. */
const LONG_AGO = new Date(0).toISOString();

/** A file or a folder, as JupyterLab lists it. */
export function describe(path: string, type: string): Contents.IModel {
  return {
    name: PathExt.basename(path),
    path,
    type,
    format: null,
    content: null,
    mimetype: '',
    writable: true,
    created: LONG_AGO,
    last_modified: LONG_AGO
  };
}
