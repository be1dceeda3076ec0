import { beforeEach, describe, expect, it } from 'vitest';
import { readSecret, RoomAddress, withoutRoom, withRoom } from './fragment.js';

/** Storage in memory. */
class Memory implements Storage {
  [name: string]: any;
  private _map = new Map<string, string>();
  get length() {
    return this._map.size;
  }
  clear() {
    this._map.clear();
  }
  getItem(key: string) {
    return this._map.get(key) ?? null;
  }
  key(index: number) {
    return [...this._map.keys()][index] ?? null;
  }
  removeItem(key: string) {
    this._map.delete(key);
  }
  setItem(key: string, value: string) {
    this._map.set(key, value);
  }
}

describe('RoomAddress', () => {
  let storage: Storage;
  const at = (url: string, scope = '/') =>
    new RoomAddress({ url: new URL(url), storage, scope });
  beforeEach(() => (storage = new Memory()));

  it('reads room and secret from the link', () => {
    expect(at('https://x.org/lab/?room=share-1#k=S').current).toEqual({
      room: 'share-1',
      secret: 'S'
    });
  });

  it('knows the secret again after the fragment was lost', () => {
    at('https://x.org/lab/?room=share-1#k=S');
    expect(at('https://x.org/lab/?room=share-1').current.secret).toBe('S');
  });

  it('has no secret for another room or another site', () => {
    at('https://x.org/lab/?room=share-1#k=S');
    expect(at('https://x.org/lab/?room=share-2').current.secret).toBe(null);
    expect(at('https://x.org/b/?room=share-1', '/b/').current.secret).toBe(
      null
    );
  });

  it('puts room and secret back on an address that lost them', () => {
    const address = at('https://x.org/lab/?room=share-1#k=S');
    expect(address.apply(new URL('https://x.org/lab/?path=a.ipynb')).href).toBe(
      'https://x.org/lab/?path=a.ipynb&room=share-1#k=S'
    );
  });

  it('leaves links to other rooms and other fragments alone', () => {
    const address = at('https://x.org/lab/?room=share-1#k=S');
    for (const url of [
      'https://x.org/lab/?room=share-2#k=T',
      'https://x.org/lab/#heading'
    ]) {
      expect(address.apply(new URL(url)).href).toBe(url);
    }
  });

  it('leaves every address alone without a room', () => {
    const url = new URL('https://x.org/lab/?path=a.ipynb');
    expect(at('https://x.org/lab/').apply(url).href).toBe(url.href);
  });
});

describe('links', () => {
  it('lead in and out', () => {
    const url = new URL('https://x.org/lab/?path=a%20b.ipynb');
    const link = withRoom(url, 'share-1', 'a-_9');
    expect(readSecret(link.hash)).toBe('a-_9');
    expect(withoutRoom(link).href).toBe('https://x.org/lab/?path=a+b.ipynb');
  });
});
