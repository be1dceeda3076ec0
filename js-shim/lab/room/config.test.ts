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

  it('reads ICE servers', () => {
    const servers = [{ urls: ['stun:stun.example.org'] }];
    expect(read({ webRtcIceServers: servers }).iceServers).toEqual(servers);
    const wrong = read({ webRtcIceServers: ['stun:stun.example.org'] });
    expect(wrong.iceServers).toEqual([]);
    expect(wrong.problems[0].key).toBe('webRtcIceServers');
  });
});

describe('isShared', () => {
  it('tells by the name', () => {
    expect(isShared('share-abc')).toBe(true);
    expect(isShared('my-class')).toBe(false);
  });
});
