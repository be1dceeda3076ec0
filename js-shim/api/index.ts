/**
 * jupyterlite-webrtc without Jupyter: rooms in which Yjs documents are shared, peer to peer.
 */
export { forgetRoom, forgetUnused } from './history.js';
export { WebrtcProvider } from './provider.js';
export { joinRoom } from './room.js';
export * from './types.js';
