import { describe, expect, it } from 'vitest';
import { canJoin, isShared, LOCAL_PREFIX, readConfig } from './config.js';

/** Read a configuration as if the page config held these values and JupyterLab had spelled them. */
function read(
  page: { [key: string]: unknown },
  settings = {},
  url = 'https://example.org/site/lab/index.html'
) {
  const spell = (value: unknown) =>
    typeof value === 'string'
      ? value
      : value === undefined
        ? ''
        : JSON.stringify(value);
  return readConfig({
    page: key => spell(page[key]),
    settings,
    url: new URL(url)
  });
}

describe('readConfig', () => {
  it('is plain JupyterLite without `collaborative`', () => {
    expect(read({}).collaborative).toBe(false);
    expect(read({ collaborative: 'false' }).collaborative).toBe(false);
    expect(read({ collaborative: true }).collaborative).toBe(true);
    expect(read({ collaborative: 'true' }).collaborative).toBe(true);
  });

  it('keeps rooms for 30 days unless it is told otherwise', () => {
    expect(read({}).historyDays).toBe(30);
    expect(read({}, { historyDays: 7 }).historyDays).toBe(7);
    const both = read({ webRtcHistoryDays: 0 }, { historyDays: 7 });
    expect([both.historyDays, both.problems]).toEqual([0, []]);
    for (const wrong of ['soon', -1, [3]]) {
      const { historyDays, problems } = read({ webRtcHistoryDays: wrong });
      expect(historyDays).toBe(30);
      expect(problems[0].message).toContain('webRtcHistoryDays');
    }
  });

  it('takes signaling servers as a list and as the text of a list', () => {
    const urls = ['wss://a.example/x', 'wss://b.example/'];
    for (const value of [urls, JSON.stringify(urls)]) {
      expect(read({ fullWebRtcSignalingUrls: value }).signaling).toEqual(urls);
    }
    expect(
      read({ fullWebRtcSignalingUrls: 'wss://a.example/' }).signaling
    ).toEqual(['wss://a.example/']);
  });

  it('resolves a path against the page, whatever its port and protocol', () => {
    const at = (url: string, value: string) =>
      read({ fullWebRtcSignalingUrls: [value] }, {}, url).signaling[0];
    expect(at('http://localhost:8123/lab/', '/signaling')).toBe(
      'ws://localhost:8123/signaling'
    );
    expect(at('https://example.org/site/lab/', '/site/signaling')).toBe(
      'wss://example.org/site/signaling'
    );
  });

  it.each([
    ['https://example.org', 'neither'],
    ['signaling.example.org', 'not a URL'],
    [42, 'not a string'],
    ['ws://example.org', 'not allowed']
  ])('says what is wrong with %s and goes on', (server, reason) => {
    const config = read({
      fullWebRtcSignalingUrls: [server, 'wss://good.example/']
    });
    expect(config.signaling).toEqual(['wss://good.example/']);
    expect(config.problems).toHaveLength(1);
    expect(config.problems[0].key).toBe('fullWebRtcSignalingUrls');
    expect(config.problems[0].message).toContain('fullWebRtcSignalingUrls');
    expect(config.problems[0].message).toContain(reason);
  });

  it('allows ws:// to this machine from https', () => {
    const config = read({ fullWebRtcSignalingUrls: ['ws://localhost:4444'] });
    expect(config.problems).toEqual([]);
  });

  it('prefers the link to the settings, and page config to the settings', () => {
    const settings = {
      room: 'from-settings',
      roomPrefix: 'settings-prefix',
      signalingUrls: ['wss://settings.example/']
    };
    const url = 'https://example.org/lab/?room=from-link';
    expect(read({}, settings).room).toBe('from-settings');
    expect(read({}, settings, url).room).toBe('from-link');
    expect(read({}, settings).prefix).toBe('settings-prefix');
    expect(read({}, settings).signaling).toEqual(['wss://settings.example/']);
    const page = {
      webRtcRoomPrefix: 'page-prefix',
      fullWebRtcSignalingUrls: ['wss://page.example/']
    };
    expect(read(page, settings).prefix).toBe('page-prefix');
    expect(read(page, settings).signaling).toEqual(['wss://page.example/']);
  });

  it('takes the origin for a prefix, and a fixed text on this machine', () => {
    expect(read({}).prefix).toBe('https://example.org');
    expect(read({}, {}, 'http://localhost:8000/lab/').prefix).toBe(
      LOCAL_PREFIX
    );
    expect(read({}, {}, 'http://127.0.0.1:9000/lab/').prefix).toBe(
      LOCAL_PREFIX
    );
  });

  it('joins no room with a prefix that is too short', () => {
    const config = read({ webRtcRoomPrefix: 'short' });
    expect(canJoin(config)).toBe(false);
    expect(config.problems[0].message).toContain('webRtcRoomPrefix');
    const other = read({}, { roomPrefix: 'short' });
    expect(other.problems[0].key).toBe('roomPrefix');
  });

  it('reads STUN and TURN servers, with a URL or a list of them', () => {
    const account = { username: 'ada', credential: 'secret' };
    const servers = [
      { urls: ['stun:stun.example.org', 'stuns:stun.example.org:443'] },
      { urls: 'stun:[2001:db8::1]:3478' },
      { urls: 'turn:turn.example.org', ...account },
      {
        urls: [
          'turn:turn.example.org:3478?transport=udp',
          'turns:turn.example.org?transport=tcp'
        ],
        ...account
      }
    ];
    for (const value of [servers, JSON.stringify(servers)]) {
      const { iceServers, problems } = read({ webRtcIceServers: value });
      expect([iceServers, problems]).toEqual([servers, []]);
    }
    expect(read({}, { iceServers: servers }).iceServers).toEqual(servers);
    expect(
      read({ webRtcIceServers: [] }, { iceServers: servers }).iceServers
    ).toEqual([]);
    expect(read({}).iceServers).toEqual([]);
  });

  const turn = {
    urls: 'turn:turn.example.org',
    username: 'ada',
    credential: 'the credential'
  };

  it.each([
    ['stun:stun.example.org', 'without "urls"'],
    [null, 'without "urls"'],
    [{ urls: [] }, 'without "urls"'],
    [{ url: 'stun:stun.example.org' }, 'without "urls"'],
    [{ urls: ['stun:a.example', 7] }, '7'],
    [{ urls: 'https://turn.example.org' }, 'no stun: or turn: URL'],
    [{ urls: 'turn://turn.example.org' }, 'no stun: or turn: URL'],
    [{ urls: 'stun:a.example?transport=udp' }, 'no stun: or turn: URL'],
    [{ ...turn, username: undefined }, '"username" is no text'],
    [{ ...turn, username: '' }, '"username" is no text'],
    [{ ...turn, credential: 5 }, '"credential" is no text'],
    [{ ...turn, credential: undefined }, '"credential" is no text']
  ])('leaves out the ICE server %j and says why', (server, reason) => {
    const good = { urls: 'stun:good.example' };
    const config = read({ webRtcIceServers: [server, good] });
    expect(config.iceServers).toEqual([good]);
    expect(config.problems).toHaveLength(1);
    const [{ key, message }] = config.problems;
    expect(key).toBe('webRtcIceServers');
    expect(message).toContain('"webRtcIceServers"');
    expect(message).toContain(reason);
    expect(message).not.toContain('the credential');
  });

  it('names the setting when the wrong ICE servers stand there', () => {
    const { iceServers, problems } = read({}, { iceServers: turn });
    expect(iceServers).toEqual([]);
    expect(problems).toEqual([
      { key: 'iceServers', message: '"iceServers" is not a list of servers.' }
    ]);
  });

  it.each([
    [undefined, undefined, 'all'],
    ['all', undefined, 'all'],
    ['all', 'all', 'all'],
    ['relay', undefined, 'relay'],
    ['relay', 'all', 'relay'],
    ['all', 'relay', 'relay'],
    [undefined, 'relay', 'relay'],
    ['relay', 'relay', 'relay']
  ])(
    'a site that says %s and a person who says %s go by %s',
    (site, person, expected) => {
      const { iceTransportPolicy, problems } = read(
        { webRtcIceServers: [turn], webRtcIceTransportPolicy: site },
        { iceTransportPolicy: person }
      );
      expect([iceTransportPolicy, problems]).toEqual([expected, []]);
    }
  );

  it('takes a transport policy that it does not know for the strict one', () => {
    for (const wrong of ['realy', true, ['relay']]) {
      const site = read({
        webRtcIceServers: [turn],
        webRtcIceTransportPolicy: wrong
      });
      expect(site.iceTransportPolicy).toBe('relay');
      expect(site.problems.map(({ key }) => key)).toEqual([
        'webRtcIceTransportPolicy'
      ]);
      expect(site.problems[0].message).toContain('"webRtcIceTransportPolicy"');
    }
    const person = read(
      { webRtcIceServers: [turn] },
      { iceTransportPolicy: 'Relay' }
    );
    expect(person.iceTransportPolicy).toBe('relay');
    expect(person.problems[0].key).toBe('iceTransportPolicy');
  });

  it.each([
    ['none', undefined],
    ['only STUN', [{ urls: 'stun:stun.example.org' }]],
    ['a TURN server without its credential', [{ ...turn, credential: '' }]]
  ])('says what is missing when only relays may be used: %s', (_, servers) => {
    const site = read({
      webRtcIceServers: servers,
      webRtcIceTransportPolicy: 'relay'
    });
    expect(site.problems.at(-1)).toEqual({
      key: 'webRtcIceServers',
      message:
        '"webRtcIceTransportPolicy" is "relay", which needs a TURN server in "webRtcIceServers".'
    });
    const { problems } = read({}, { iceTransportPolicy: 'relay' });
    expect(problems.map(({ message }) => message)).toEqual([
      '"iceTransportPolicy" is "relay", which needs a TURN server in "iceServers".'
    ]);
  });
});

describe('isShared', () => {
  it('tells by the name', () => {
    expect(isShared('share-abc')).toBe(true);
    expect(isShared('my-class')).toBe(false);
  });
});
