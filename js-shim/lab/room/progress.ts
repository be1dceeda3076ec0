/**
 * What takes long, shown while it does: finding out who else is in the room, and large documents on
 * their way. Each is one notification, which goes when it is done.
 */
import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { IRoom } from '../../api/types.js';

/** What takes less than this, in milliseconds, is not worth a word. */
const PATIENCE = 1500;
/** A document of fewer bytes than this is here before one could read about it. */
const LARGE = 2_000_000;
const MEGABYTE = 1_000_000;

/** Show a room's progress until the returned function is called. */
export function showProgress(
  room: IRoom,
  trans: TranslationBundle,
  ready: Promise<unknown>
): () => void {
  const search = new Progress();
  const arrival = new Progress();
  let isOver = false;

  const timer = setTimeout(() => {
    void ready.then(() => {
      if (!isOver && room.status.settlement === null) {
        search.show(trans.__('Looking for the others in the room…'), null);
      }
    });
  }, PATIENCE);
  void room.settled().then(() => search.end());

  const update = () => {
    const large = room.status.transfers.find(({ total }) => total > LARGE);
    if (!large) {
      return arrival.end();
    }
    const { genesis, received, total } = large;
    const entry = room.entries().find(entry => entry.genesis === genesis);
    const message = trans.__(
      'Receiving “%1”: %2 of %3 MB',
      entry?.path ?? trans.__('a document'),
      Math.floor(received / MEGABYTE),
      Math.ceil(total / MEGABYTE)
    );
    arrival.show(message, received / total);
  };
  const stop = room.onStatus(update);

  return () => {
    isOver = true;
    clearTimeout(timer);
    stop();
    search.end();
    arrival.end();
  };
}

/** One notification that comes, changes and goes. */
class Progress {
  show(message: string, progress: number | null): void {
    const options = {
      autoClose: false as const,
      progress: progress ?? undefined
    };
    if (this._id && Notification.manager.has(this._id)) {
      Notification.update({ id: this._id, message, ...options });
    } else if (!this._id) {
      this._id = Notification.emit(message, 'in-progress', options);
    }
  }

  end(): void {
    if (this._id) {
      Notification.dismiss(this._id);
      this._id = null;
    }
  }

  private _id: string | null = null;
}
