/** A page with one shared document and nothing else; `window.api` is all of it. */
import * as Y from 'yjs';
import { WebrtcProvider } from '../../js-shim/api/index.js';

const { Event, location } = window;

window.api = {
  async open(room, options) {
    const ydoc = new Y.Doc();
    const provider = new WebrtcProvider(room, ydoc, {
      signaling: [`${location.origin.replace('http', 'ws')}/signaling`],
      ...options
    });
    const notices = [];
    Object.assign(window.api, { ydoc, provider, notices });
    provider.awareness.setLocalStateField('name', options.name);
    const joined = await provider.synced;
    joined.onNotice(({ code }) => notices.push(code));
  },
  type: text => window.api.ydoc.getText('text').insert(0, text),
  text: () => window.api.ydoc.getText('text').toString(),
  names: () =>
    [...window.api.provider.awareness.getStates().values()].map(
      state => state.name
    ),
  /**
   * Break the engine, truly: it reads the clock while it holds its room, and whoever is called then and
   * calls back makes it panic.
   */
  breakEngine() {
    const now = performance.now;
    performance.now = () => {
      performance.now = now;
      return window.api.provider.room.status && 0;
    };
    window.dispatchEvent(new Event('online'));
  }
};
