// @vitest-environment jsdom
/** What a room is joined with, and what is kept of it. */
import { expect, it } from 'vitest';
import { IRoomOptions } from '../../api/types.js';
import { Ledgers } from '../drive/ledger.js';
import { IConfig } from './config.js';
import { RoomAddress } from './fragment.js';
import { Notices } from './notices.js';
import { IApi, RoomSession } from './session.js';

const ROOM = '1'.repeat(64);
const OTHER = '2'.repeat(64);
const storage = window.localStorage;

/** A site, and all that is asked of the api layer there, in order. */
function site(scope: string, historyDays: number) {
  const asked: unknown[][] = [];
  const room = {
    id: ROOM,
    settled: async () => 'alone',
    dispose: () => undefined
  };
  const api = {
    joinRoom: async ({ history }: IRoomOptions) => {
      asked.push(['join', history]);
      return room;
    },
    forgetRoom: async ({ history }: IRoomOptions) =>
      void asked.push(['forget', history]),
    forgetUnused: async (history: string, days: number) =>
      asked.push(['forget unused', history, days])
  } as unknown as IApi;
  const url = new URL('http://localhost/?room=tea');
  const ledgers = new Ledgers(storage, scope);
  const session = new RoomSession({
    enabled: true,
    scope,
    ledgers,
    address: new RoomAddress({ url, storage: window.sessionStorage, scope }),
    notices: {
      problems: () => undefined,
      follow: () => () => undefined
    } as Partial<Notices> as Notices,
    api: async () => api,
    config: async () =>
      ({
        room: 'tea',
        prefix: 'long enough',
        signaling: ['wss://signaling.example.org/'],
        problems: [],
        historyDays
      }) as Partial<IConfig> as IConfig
  });
  return { session, asked, ledgers };
}

/** Until the room is joined, and what follows from that is done. */
async function joined({ session }: ReturnType<typeof site>) {
  await session.current();
  await new Promise(resolve => setTimeout(resolve));
}

it('each site of an origin has a history of its own', async () => {
  const one = site('/one/', 30);
  const two = site('/two/', 1);
  await Promise.all([joined(one), joined(two)]);
  await one.session.forget();
  expect(one.asked).toEqual([
    ['join', 'jupyterlite-webrtc /one/'],
    ['forget unused', 'jupyterlite-webrtc /one/', 30],
    ['forget', 'jupyterlite-webrtc /one/']
  ]);
  expect(two.asked).toEqual([
    ['join', 'jupyterlite-webrtc /two/'],
    ['forget unused', 'jupyterlite-webrtc /two/', 1]
  ]);
});

it.each([30, 0])(
  'what was saved in other rooms is forgotten with them (%i days)',
  async days => {
    storage.clear();
    const saved = { genesis: 'g', stateVector: [0], state: '', modified: 'm' };
    const here = site('/', days);
    const { ledgers } = here;
    for (const room of [ROOM, OTHER]) {
      ledgers.of(room).set('a.txt', saved);
      ledgers.of(room).use(Date.now() - 31 * 24 * 3600 * 1000);
    }
    await joined(here);
    expect(ledgers.of(ROOM).get('a.txt')).not.toBeNull();
    expect(ledgers.of(OTHER).get('a.txt')).toBeNull();
    expect(here.asked.map(([what]) => what)).toEqual(
      days > 0 ? ['join', 'forget unused'] : ['join']
    );
  }
);
