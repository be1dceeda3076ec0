// @vitest-environment jsdom
/** What is remembered of rooms, and for how long. */
import { beforeEach, describe, expect, it } from 'vitest';
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
