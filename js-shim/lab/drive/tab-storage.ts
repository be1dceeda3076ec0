/**
 * Local storage, as all tabs of a browser see it.
 *
 * Each tab reads a copy of its own. What another one writes reaches that copy a while later, and the
 * messages that tell of it, a lock that is passed on and the database do not wait for it: of two tabs in
 * Chromium the one that was told of a change read the old value two times in three. So a tab also says what
 * it writes, on a channel that keeps the order of everything that a tab says; and a tab believes what it has
 * heard until its copy has it.
 */
import { read, write } from '../storage.js';

/** A key, and its new value; null where it was removed. */
interface IWritten {
  key: string;
  value: string | null;
}

export class TabStorage {
  /** @param name The channel of all tabs that write these keys. */
  constructor(
    private _storage: Storage,
    name: string
  ) {
    if (typeof BroadcastChannel !== 'undefined') {
      this._channel = new BroadcastChannel(name);
      this._channel.onmessage = ({ data }: MessageEvent<IWritten>) =>
        void this._heard.set(data.key, data.value);
    }
    window.addEventListener('storage', this._onStorage);
  }

  /** All keys that have a value. */
  keys(): string[] {
    const keys = new Set([
      ...Object.keys(this._storage),
      ...this._heard.keys()
    ]);
    return [...keys].filter(key => this._heard.get(key) !== null);
  }

  /** What is stored under a key; null where that is nothing. */
  get(key: string): string | null {
    const heard = this._heard.get(key);
    return heard === undefined ? read(this._storage, key) : heard;
  }

  set(key: string, value: string): void {
    write(this._storage, key, value);
    this._say({ key, value });
  }

  delete(key: string): void {
    this._storage.removeItem(key);
    this._say({ key, value: null });
  }

  private _say(written: IWritten): void {
    this._heard.delete(written.key);
    this._channel?.postMessage(written);
  }

  /** The copy has something new. That may be older than what was heard. */
  private _onStorage = ({ key, newValue }: StorageEvent): void => {
    if (key === null) {
      this._heard.clear(); // everything was removed
    } else if (this._heard.get(key) === newValue) {
      this._heard.delete(key);
    }
  };

  private _channel: BroadcastChannel | null = null;
  /** What other tabs wrote and the copy may not have yet. */
  private _heard = new Map<string, string | null>();
}
