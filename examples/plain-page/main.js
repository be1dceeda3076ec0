// A textarea that several people edit, peer to peer.
import * as Y from 'yjs';
import { WebrtcProvider } from 'jupyterlite-webrtc';
import { bind } from './bind.js';

const query = new URL(window.location.href).searchParams;
const here = window.location.origin.replace(/^http/, 'ws');

const ydoc = new Y.Doc();
bind(document.querySelector('textarea'), ydoc.getText('text'));

const provider = new WebrtcProvider(query.get('room') ?? 'plain-page', ydoc, {
  signaling: [query.get('signaling') ?? `${here}/signaling`]
});

const status = document.querySelector('[role=status]');

provider.synced.then(
  room => {
    const show = () => {
      const { peers } = room.status;
      const others = peers.filter(peer => peer.state === 'ready').length;
      status.textContent = `Others here: ${others}`;
    };
    room.onStatus(show);
    room.onNotice(({ code, detail }) => console.warn(code, detail));
    show();
  },
  reason => (status.textContent = reason.message)
);
