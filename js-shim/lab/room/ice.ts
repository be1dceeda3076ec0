/**
 * Which STUN and TURN servers help two browsers to reach each other, and whether they may do so directly.
 *
 * A browser throws at the first server that it can't use, and then connects to nobody. So each one is
 * looked at here, and only the wrong ones are left out.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import type { IProblem } from './config.js';

/** What was configured somewhere, and the key that says where. */
export interface IConfigured {
  key: string;
  value: unknown;
}

/** A transport policy, and the key under which its TURN servers would stand. */
export interface IPolicy extends IConfigured {
  servers: string;
}

const STUN = /^stuns?:[^\s/?#@]+$/;
const TURN = /^turns?:[^\s/?#@]+(\?transport=(udp|tcp))?$/;

/** The URLs of a server, whether it has one or a list. */
function urlsOf(server: unknown): unknown[] {
  const urls = (server as RTCIceServer | null)?.urls;
  return Array.isArray(urls) ? urls : [urls];
}

/** Whether a server passes on what two browsers say to each other. */
function relays(server: RTCIceServer): boolean {
  return urlsOf(server).some(url => TURN.test(String(url)));
}

/** What is wrong with a server, or null. Its credential is not shown: notices end up in screenshots. */
function fault(server: unknown, trans: TranslationBundle): string | null {
  const urls = urlsOf(server);
  if (urls.length === 0 || urls[0] === undefined) {
    return trans.__('a server without "urls"');
  }
  const wrong = urls.find(
    url => typeof url !== 'string' || !(STUN.test(url) || TURN.test(url))
  );
  if (wrong !== undefined) {
    return trans.__(
      '%1, which is no stun: or turn: URL',
      JSON.stringify(wrong)
    );
  }
  const lacks = relays(server as RTCIceServer)
    ? (['username', 'credential'] as const).find(part => {
        const value: unknown = (server as RTCIceServer)[part];
        return typeof value !== 'string' || value === '';
      })
    : undefined;
  return lacks
    ? trans.__('%1, whose "%2" is no text', JSON.stringify(urls[0]), lacks)
    : null;
}

/** The servers that can be used. */
function readServers(
  { key, value }: IConfigured,
  trans: TranslationBundle,
  problems: IProblem[]
): RTCIceServer[] {
  if (value === undefined || value === '') {
    return [];
  }
  if (!Array.isArray(value)) {
    const message = trans.__('"%1" is not a list of servers.', key);
    problems.push({ key, message });
    return [];
  }
  return value.filter(server => {
    const wrong = fault(server, trans);
    if (wrong) {
      const message = trans.__('"%1" holds %2.', key, wrong);
      problems.push({ key, message });
    }
    return !wrong;
  });
}

/**
 * Who says that browsers may only talk over a TURN server (`relay`), not directly (`all`), if anybody
 * does. The strictest has its way: a person may hide more than the site asks for. And so does what can't
 * be understood, as somebody wanted something else than to be open to all.
 */
function readStrict(
  policies: IPolicy[],
  trans: TranslationBundle,
  problems: IProblem[]
): IPolicy | undefined {
  const strict = policies.filter(
    ({ value }) => value !== undefined && value !== '' && value !== 'all'
  );
  for (const { key } of strict.filter(({ value }) => value !== 'relay')) {
    const message = trans.__(
      '"%1" is neither "all" nor "relay", and is taken for "relay".',
      key
    );
    problems.push({ key, message });
  }
  return strict[0];
}

/** Everything about ICE; what can't be used becomes a problem. */
export function readIce(
  servers: IConfigured,
  policies: IPolicy[],
  trans: TranslationBundle,
  problems: IProblem[]
): { iceServers: RTCIceServer[]; iceTransportPolicy: RTCIceTransportPolicy } {
  const iceServers = readServers(servers, trans, problems);
  const strict = readStrict(policies, trans, problems);
  if (strict && !iceServers.some(relays)) {
    const message = trans.__(
      '"%1" is "relay", which needs a TURN server in "%2".',
      strict.key,
      strict.servers
    );
    problems.push({ key: strict.servers, message });
  }
  return { iceServers, iceTransportPolicy: strict ? 'relay' : 'all' };
}
