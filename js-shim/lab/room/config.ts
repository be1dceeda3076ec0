/**
 * What the site, the person and the link say about the room, and which of them wins.
 *
 * The link (`?room=`) wins over `jupyter-config-data`, and that wins over the settings, which a site
 * author can also preset in `overrides.json`. Nothing here is fatal: a value that can't be used
 * becomes a {@link IProblem} that names its key, and the person goes on editing.
 */
import { nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { readIce } from './ice.js';

/** The shortest room prefix: it is the salt that keeps rooms of one name on two sites apart. */
export const MINIMUM_PREFIX = 8;

/** What takes the origin's place on a machine of one's own, where `localhost` and its port say nothing. */
export const LOCAL_PREFIX = 'jupyterlite-webrtc-on-localhost';

/** How long the history of a room that nobody opens is kept. */
const HISTORY_DAYS = 30;

/** How the name of a room made by the Share button begins; see {@link isShared}. */
export const SHARED_ROOM = 'share-';

/**
 * A *shared* room has a secret, and says so in its name: whoever lost the secret (a link cut at `#`
 * by a chat program) is told, rather than left alone in a room which others could guess.
 */
export function isShared(room: string): boolean {
  return room.startsWith(SHARED_ROOM);
}

/** A value that can't be used. */
export interface IProblem {
  /** The key of the configuration, the setting or the link that holds it. */
  key: string;
  message: string;
}

/** All that is needed to join, or to know that there is nothing to join. */
export interface IConfig {
  /** Whether the site allows collaboration at all. */
  collaborative: boolean;
  /** The room to join at once, or null: then the person works alone until Share is pressed. */
  room: string | null;
  prefix: string;
  signaling: string[];
  iceServers: RTCIceServer[];
  /** `relay`: only over TURN servers, so that nobody in the room learns the person's address. */
  iceTransportPolicy: RTCIceTransportPolicy;
  /** Days after which the history of a room that nobody opened is dropped; 0: none is kept. */
  historyDays: number;
  problems: IProblem[];
}

/** Where the configuration is read from. */
export interface ISources {
  /** `PageConfig.getOption`: a string, JSON for values that are none. */
  page: (key: string) => string;
  /** The composite settings; empty while they are not known. */
  settings: { [key: string]: unknown };
  /** The address of the page. */
  url: URL;
  trans?: TranslationBundle;
}

/** Whether an address is this machine. */
function isLocal(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);
}

/** The value of a key that is JSON (an array, an object) or the JSON text of it, as Lite's keys may be. */
function parse(text: string): unknown {
  try {
    const value = JSON.parse(text);
    return typeof value === 'string' ? parse(value) : value;
  } catch {
    return text;
  }
}

/**
 * A signaling server as configured, as the URL of a WebSocket. What begins with `/` or `.` is on the
 * page's own origin, at whatever port and behind whatever TLS the page came from.
 *
 * (JupyterLite has already made `./x` in a list absolute from the folder of the `jupyter-lite.json`
 * that it stood in, so that it works for a site in a sub-folder.)
 */
function toSocketUrl(value: unknown, page: URL): URL | string {
  if (typeof value !== 'string') {
    return 'not a string';
  }
  let url: URL;
  try {
    url = /^[./]/.test(value) ? new URL(value, page) : new URL(value);
  } catch {
    return 'not a URL';
  }
  if (/^[./]/.test(value)) {
    url.protocol = page.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    return 'neither ws:// nor wss://';
  }
  if (
    page.protocol === 'https:' &&
    url.protocol === 'ws:' &&
    !isLocal(url.hostname)
  ) {
    return 'ws:// is not allowed from a page that came by https://';
  }
  return url;
}

/** Read everything; never throws. */
export function readConfig(sources: ISources): IConfig {
  const { page, settings, url } = sources;
  const trans = sources.trans ?? nullTranslator.load('jupyterlite_webrtc');
  const problems: IProblem[] = [];

  /** The first of page config and settings that says something, with the key that said it. */
  const first = (key: string, setting: string): [string, unknown] => {
    const text = page(key);
    return text ? [key, parse(text)] : [setting, settings[setting]];
  };

  const [signalingKey, servers] = first(
    'fullWebRtcSignalingUrls',
    'signalingUrls'
  );
  const signaling: string[] = [];
  // One URL outside a list is so plainly meant that it would be pedantic to refuse it.
  const list = typeof servers === 'string' ? [servers] : (servers ?? []);
  if (!Array.isArray(list)) {
    problems.push({
      key: signalingKey,
      message: trans.__('"%1" is not a list of URLs.', signalingKey)
    });
  } else {
    for (const server of list) {
      const socket = toSocketUrl(server, url);
      if (typeof socket === 'string') {
        problems.push({
          key: signalingKey,
          message: trans.__(
            '"%1" holds %2, which is %3.',
            signalingKey,
            JSON.stringify(server),
            socket
          )
        });
      } else if (!signaling.includes(socket.href)) {
        signaling.push(socket.href);
      }
    }
  }

  const [prefixKey, configuredPrefix] = first('webRtcRoomPrefix', 'roomPrefix');
  let prefix = isLocal(url.hostname) ? LOCAL_PREFIX : url.origin;
  if (configuredPrefix !== undefined && configuredPrefix !== '') {
    prefix = String(configuredPrefix);
    if (prefix.length < MINIMUM_PREFIX) {
      problems.push({
        key: prefixKey,
        message: trans.__(
          '"%1" is shorter than %2 characters.',
          prefixKey,
          MINIMUM_PREFIX
        )
      });
    }
  }

  const siteServers = 'webRtcIceServers';
  const [iceKey, ice] = first(siteServers, 'iceServers');
  const policyKey = 'webRtcIceTransportPolicy';
  const policySetting = 'iceTransportPolicy';
  const { iceServers, iceTransportPolicy } = readIce(
    { key: iceKey, value: ice },
    [
      {
        key: policyKey,
        value: parse(page(policyKey)),
        servers: siteServers
      },
      { key: policySetting, value: settings[policySetting], servers: iceKey }
    ],
    trans,
    problems
  );

  const [daysKey, days] = first('webRtcHistoryDays', 'historyDays');
  let historyDays = HISTORY_DAYS;
  if (days !== undefined && days !== '') {
    if (typeof days === 'number' && days >= 0) {
      historyDays = days;
    } else {
      problems.push({
        key: daysKey,
        message: trans.__('"%1" is not a number of days.', daysKey)
      });
    }
  }

  const room =
    url.searchParams.get('room')?.trim() ||
    String(settings['room'] ?? '').trim() ||
    null;

  return {
    collaborative: page('collaborative').toLowerCase() === 'true',
    room,
    prefix,
    signaling,
    iceServers,
    iceTransportPolicy,
    historyDays,
    problems
  };
}

/** Whether a prefix keeps rooms apart well enough to join one. */
export function canJoin(config: IConfig): boolean {
  return config.prefix.length >= MINIMUM_PREFIX;
}
