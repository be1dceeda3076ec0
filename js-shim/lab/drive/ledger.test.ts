// @vitest-environment jsdom
/** What is remembered of rooms, and for how long. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ISaved, Ledgers } from './ledger.js';

const ONE = '1'.repeat(64);
const OTHER = '2'.repeat(64);
const DAY = 24 * 3600 * 1000;
const saved: ISaved = {
  genesis: 'genesis',
  stateVector: [0],
  state: '',
  modified: 'now'
};

describe('the ledgers of a site', () => {
  const storage = window.localStorage;
  let ledgers: Ledgers;

  beforeEach(() => {
    storage.clear();
    ledgers = new Ledgers(storage, '/site/');
  });

  it('keep rooms apart', () => {
    ledgers.of(ONE).set('a.txt', saved);
    expect(ledgers.of(OTHER).get('a.txt')).toBeNull();
    expect(ledgers.of(ONE).get('a.txt')?.genesis).toBe('genesis');
  });

  it('go when nobody has used the room for so many days, and nothing is left', () => {
    ledgers.of(ONE).set('folder/a.txt', saved);
    ledgers.of(ONE).letGo('another', Uint8Array.of(0));
    ledgers.forgetUnused(30, Date.now() + 29 * DAY);
    expect(ledgers.of(ONE).paths('folder')).toEqual(['folder/a.txt']);
    ledgers.forgetUnused(30, Date.now() + 31 * DAY);
    expect(Object.keys(storage)).toEqual([]);
  });

  it('stay as a whole while the room is used, however old a line is', () => {
    ledgers.of(ONE).set('a.txt', saved);
    ledgers.of(OTHER).set('a.txt', saved);
    ledgers.of(ONE).use(Date.now() + 20 * DAY);
    ledgers.forgetUnused(30, Date.now() + 40 * DAY);
    expect(ledgers.of(ONE).get('a.txt')).not.toBeNull();
    expect(ledgers.of(OTHER).get('a.txt')).toBeNull();
  });

  it('leave those of other sites alone, also of one that is below', () => {
    const others = [
      new Ledgers(storage, '/other/'),
      new Ledgers(storage, '/site/below/'),
      new Ledgers(storage, '/site/:/')
    ];
    others.forEach(other => other.of(ONE).set('a.txt', saved));
    const before = Object.keys(storage);
    ledgers.forgetUnused(30, Date.now() + 31 * DAY);
    expect(Object.keys(storage)).toEqual(before);
  });

  it('do not stumble over what can’t be read', () => {
    storage.setItem(`jupyterlite-webrtc:ledger:/site/:${ONE}:saved:a`, '{');
    storage.setItem(`jupyterlite-webrtc:ledger:/site/:${ONE}:used`, '"x"');
    expect(ledgers.of(ONE).get('a')).toBeNull();
    ledgers.forgetUnused(30);
    expect(Object.keys(storage)).toEqual([]);
  });
});

describe('the ledgers of two tabs', () => {
  const [copy, other] = [window.localStorage, window.sessionStorage];

  it('say the same as soon as it is heard, before the copy of the storage has it', async () => {
    [copy, other].forEach(storage => storage.clear());
    const here = new Ledgers(copy, '/site/').of(ONE);
    const there = new Ledgers(other, '/site/').of(ONE);
    const letGo = (seen: number) =>
      vi.waitFor(() => expect(here.letGoOf('another')?.[0]).toBe(seen));
    there.set('a.txt', saved);
    there.letGo('another', Uint8Array.of(0));
    await letGo(0);
    expect(here.paths('a.txt')).toEqual(['a.txt']);
    there.delete('a.txt');
    await vi.waitFor(() => expect(here.paths('a.txt')).toEqual([]));
    expect(here.get('a.txt')).toBeNull();
    // What is older than what was heard comes late.
    const [key] = Object.keys(other).filter(key => key.includes('another'));
    const comes = (newValue: string) => {
      copy.setItem(key, newValue);
      window.dispatchEvent(new StorageEvent('storage', { key, newValue }));
    };
    comes('[7]');
    await letGo(0);
    comes('[0]');
    copy.setItem(key, '[8]');
    await letGo(8);
    // What is written here stands, whatever was heard before.
    there.letGo('another', Uint8Array.of(1));
    await letGo(1);
    here.letGo('another', Uint8Array.of(2));
    await letGo(2);
  });
});
