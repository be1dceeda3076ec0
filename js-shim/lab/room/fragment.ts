/**
 * The room and its secret, kept through JupyterLite's routing.
 *
 * The secret stands in the URL's fragment, because that part never leaves the browser: no host's log
 * and no referrer sees it. But `lab` drops the fragment when it rewrites the address, and a person
 * reloads, copies or bookmarks what the address bar shows. So it is read before that, kept for this
 * tab, and put back on every address that the router makes.
 */
import { ILiteRouter } from '@jupyterlite/application';
import { read, write } from '../storage.js';

/** `#k=<secret>` */
const KEY = 'k';

/** A room and its secret, if it has one. */
export interface IAddress {
  room: string | null;
  secret: string | null;
}

/** The secret in a fragment such as `#k=…`. */
export function readSecret(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, '')).get(KEY) || null;
}

/** An address that leads into a room. */
export function withRoom(url: URL, room: string, secret: string | null): URL {
  const result = new URL(url);
  result.searchParams.set('room', room);
  if (secret) {
    result.hash = new URLSearchParams({ [KEY]: secret }).toString();
  }
  return result;
}

/** An address that leads into no room. */
export function withoutRoom(url: URL): URL {
  const result = new URL(url);
  result.searchParams.delete('room');
  if (readSecret(result.hash)) {
    result.hash = '';
  }
  return result;
}

/**
 * Keeps this tab's room and secret. The secret of a room is remembered under the room's name, so that
 * a tab which is sent to another room never uses the wrong one.
 */
export class RoomAddress {
  constructor(options: RoomAddress.IOptions) {
    this._storage = options.storage;
    this._scope = options.scope;
    const room = options.url.searchParams.get('room')?.trim() || null;
    const secret = readSecret(options.url.hash);
    if (room) {
      const known = read(this._storage, this._key(room));
      this._current = { room, secret: secret ?? known };
      this._remember();
    } else {
      this._current = { room: null, secret };
    }
  }

  /** The room in the link, and its secret. */
  get current(): IAddress {
    return this._current;
  }

  /** The secret that this tab knows of a room. */
  secretOf(room: string): string | null {
    if (this._current.room === room && this._current.secret) {
      return this._current.secret;
    }
    return read(this._storage, this._key(room));
  }

  /** Go on in another room, or in none, and show it in the address bar. */
  change(address: IAddress): void {
    this._current = address;
    this._remember();
    const here = new URL(window.location.href);
    const url = this.apply(withoutRoom(here));
    window.history.replaceState(window.history.state, '', url.href);
  }

  /** Put room and secret on an address that has lost them. */
  apply(url: URL): URL {
    const { room, secret } = this._current;
    if (!room) {
      return url;
    }
    const asked = url.searchParams.get('room');
    // Somebody's link into another room is left alone; so is a fragment that means something else.
    if ((asked && asked !== room) || (url.hash && !readSecret(url.hash))) {
      return url;
    }
    return withRoom(url, room, secret);
  }

  /** Have the router put room and secret on every address that it makes. */
  follow(router: ILiteRouter): void {
    router.addTransformer({
      id: 'jupyterlite-webrtc:room-address',
      transform: ({ url, options }) => ({ url: this.apply(url), options })
    });
  }

  private _remember(): void {
    const { room, secret } = this._current;
    if (room && secret) {
      write(this._storage, this._key(room), secret);
    }
  }

  private _key(room: string): string {
    return `jupyterlite-webrtc:secret:${this._scope}:${room}`;
  }

  private _storage: Storage;
  private _scope: string;
  private _current: IAddress;
}

export namespace RoomAddress {
  export interface IOptions {
    /** The page's address, before the router has changed it. */
    url: URL;
    /** Session storage: a secret lives as long as the tab. */
    storage: Storage;
    /** The site's base URL: many sites may share an origin. */
    scope: string;
  }
}
