/**
 * SHA-256, in whatever page we are.
 *
 * `crypto.subtle` is fast but exists only in secure contexts: a site served over plain `http://`
 * from anything but localhost has none. That of lib0, which Yjs is built upon, stands in there, and
 * wherever a hash is wanted without waiting.
 */
import { digest as sha256 } from 'lib0/hash/sha256';

/** As lower-case hex. (That of lib0 would bring half a Node with it.) */
function toHexString(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** Lower-case hex SHA-256 of bytes. */
export async function digest(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    return toHexString(sha256(bytes));
  }
  const hash = await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return toHexString(new Uint8Array(hash));
}

/** Lower-case hex SHA-256 of a text's UTF-8, at once. */
export function digestText(text: string): string {
  return toHexString(sha256(new TextEncoder().encode(text)));
}

/**
 * A Yjs client id taken from a hash.
 *
 * Yjs draws client ids at random from 32 bits; so many bits of a hash are as unlikely to meet
 * another's. Whoever hashes the same content gets the same id, which is what makes equal changes
 * one change.
 */
export function clientIdOf(hash: string): number {
  return parseInt(hash.slice(0, 8), 16);
}
