// One y-webrtc client in a process of its own, driven by its parent.
//
// Clients in one process would find each other by BroadcastChannel and need no server. Node has no
// WebRTC, so the peer connection is a stand-in that can make offers and answers but never connects:
// as far as signaling goes, that is everything. The rest is y-webrtc as published.

import { WebSocket } from 'ws';
import * as Y from 'yjs';

globalThis.WebSocket = WebSocket;
const { WebrtcProvider } = await import('y-webrtc');

class PeerConnection {
  iceConnectionState = 'new';
  iceGatheringState = 'new';
  signalingState = 'stable';

  createDataChannel() {
    return { readyState: 'connecting', close() {} };
  }

  async createOffer() {
    return { type: 'offer', sdp: 'offer' };
  }

  async createAnswer() {
    return { type: 'answer', sdp: 'answer' };
  }

  async setLocalDescription(description) {
    this.localDescription = description;
  }

  async setRemoteDescription(description) {
    this.remoteDescription = description;
  }

  close() {}
}

class SessionDescription {
  constructor(description) {
    Object.assign(this, description);
  }
}

const wrtc = {
  RTCPeerConnection: PeerConnection,
  RTCSessionDescription: SessionDescription,
  RTCIceCandidate: class {}
};

const [url, room, password] = process.argv.slice(2);
const provider = new WebrtcProvider(room, new Y.Doc(), {
  signaling: [url],
  password: password || null,
  peerOpts: { wrtc }
});

const report = (event, value) => process.send?.({ event, value });

provider.on('peers', ({ added }) => added.forEach(id => report('peer', id)));
const [connection] = provider.signalingConns;
connection.on('message', message => report('message', message));
connection.on('disconnect', () => report('disconnect'));
connection.on('connect', async () => {
  await provider.key;
  report('connected', provider.room.peerId);
});

// Whatever the parent says is sent to the server by y-webrtc's own connection.
process.on('message', message => connection.send(message));
// A parent that is gone wants nothing more.
process.on('disconnect', () => process.exit());
