/**
 * Somebody in a room who has no JupyterLab, but a page that speaks the protocol (plain-peer.page.js):
 * of another version, or hostile.
 */
import { fileURLToPath } from 'node:url';
import { PATIENCE } from './waiting.mjs';

const SCRIPT = fileURLToPath(new URL('plain-peer.page.js', import.meta.url));

/** The prefix of a site on localhost that sets none. */
const PREFIX = 'jupyterlite-webrtc-on-localhost';

/** Kinds of messages. */
const INDEX = 0;
const UPDATE = 3;

/** Open a page for it. */
export async function plainPeer(browser, { site, signaling }) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const one = new PlainPeer(context, page, signaling);
  page.on('pageerror', error => one.errors.push(error.message));
  await page.goto(`${site}/package.json`);
  await page.addScriptTag({ path: SCRIPT });
  return one;
}

class PlainPeer {
  constructor(context, page, signaling) {
    Object.assign(this, { context, page, signaling });
    this.name = 'the plain peer';
    this.errors = [];
  }

  /** Enter a named room, as a page that was not there before, and announce itself. */
  async join(room, versions = {}) {
    await this.page.evaluate(
      async options => {
        window.peer = await window.PlainPeer.join(options);
      },
      { room, versions, prefix: PREFIX, signaling: this.signaling }
    );
  }

  /** Wait until that many pages are connected and believe that it belongs here. */
  isWelcomed(others) {
    return this._wait(
      others =>
        [...window.peer.links.values()].filter(link => link.isWelcomed)
          .length === others,
      others
    );
  }

  /** Wait until that many pages have dropped the connection. */
  isDropped(others) {
    return this._wait(
      others =>
        [...window.peer.links.values()].filter(link => link.isClosed).length ===
        others,
      others
    );
  }

  /** Wait for the id of the document at a path. */
  async documentAt(path) {
    const found = await this._wait(path => window.peer.documentAt(path), path);
    return found.jsonValue();
  }

  /** Send a frame (bytes, or a text) on the fast lane. */
  send(frame) {
    return this.page.evaluate(frame => window.peer.send(0, frame), frame);
  }

  close() {
    return this.context.close();
  }

  _wait(body, argument) {
    return this.page.waitForFunction(body, argument, { timeout: PATIENCE });
  }
}

/** Unsigned LEB128. */
export const leb128 = value =>
  value < 128 ? [value] : [(value & 127) | 128, ...leb128(value >>> 7)];

/** One message in one frame. */
export const framed = message => [
  ...[3, 0],
  ...leb128(message.length),
  ...message
];

/** The message that brings a Yjs update of a document. */
export const updateOf = (document, update) =>
  framed([UPDATE, ...document, ...Array(16).fill(7), 0, ...update]);

/** The message that says that a document lives at a path. */
export function indexOf(path, document) {
  const texts = [path, 'notebook', 'json'].map(text => [
    ...leb128(Buffer.byteLength(text)),
    ...Buffer.from(text)
  ]);
  const line = [...texts[0], 1, ...document, ...texts[1], ...texts[2], 1, 1];
  return framed([INDEX, 1, ...line, 0]);
}
