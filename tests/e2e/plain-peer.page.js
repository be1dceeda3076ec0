/**
 * A second implementation of docs/protocol.md, for a page without JupyterLab: as much of it as is needed
 * to be taken for an honest page, so that one can then say what no honest page says. It always answers
 * and never offers. Loaded into a page by plain-peer.mjs.
 */
(() => {
  const { crypto, RTCPeerConnection } = window;
  const utf8 = text => new TextEncoder().encode(text);
  const text = bytes => new TextDecoder().decode(bytes);
  const hex = bytes =>
    Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
  const random = length => crypto.getRandomValues(new Uint8Array(length));
  const join = (...parts) => new Uint8Array(parts.flatMap(part => [...part]));
  const sha256 = async bytes =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));

  /** Unsigned LEB128, and texts with their length in front, as postcard has them. */
  const number = value =>
    value < 128 ? [value] : [(value & 127) | 128, ...number(value >> 7)];
  const lengthy = value => [...number(utf8(value).length), ...utf8(value)];

  class Reader {
    constructor(bytes) {
      Object.assign(this, { bytes, at: 0 });
    }
    take(length) {
      return this.bytes.subarray(this.at, (this.at += length));
    }
    byte() {
      return this.take(1)[0];
    }
    number() {
      const byte = this.byte();
      return byte < 128 ? byte : (byte & 127) + 128 * this.number();
    }
    text() {
      return text(this.take(this.number()));
    }
    option(read) {
      return this.byte() ? read() : null;
    }
  }

  async function keysOf(roomId, prefix, room) {
    const input = utf8(`${prefix}-${room}`);
    const material = await crypto.subtle.importKey(
      'raw',
      input,
      'HKDF',
      false,
      ['deriveKey']
    );
    const derive = (purpose, algorithm, uses) =>
      crypto.subtle.deriveKey(
        {
          name: 'HKDF',
          hash: 'SHA-256',
          salt: roomId,
          info: utf8(`jupyterlite-webrtc 1 named ${purpose}`)
        },
        material,
        algorithm,
        false,
        uses
      );
    const aes = { name: 'AES-GCM', length: 256 };
    const hmac = { name: 'HMAC', hash: 'SHA-256', length: 256 };
    return {
      seal: await derive('signaling', aes, ['encrypt', 'decrypt']),
      proof: await derive('proof', hmac, ['sign'])
    };
  }

  function credentials(sdp) {
    const lines = sdp.match(/^a=(fingerprint|ice-ufrag|ice-pwd):.*$/gm);
    const all = lines.map(line => line.trim());
    const isHex = line => line.startsWith('a=fingerprint');
    const unique = new Set(
      all.map(line => (isHex(line) ? line.toLowerCase() : line))
    );
    return utf8(
      [...unique]
        .sort()
        .map(line => `${line}\n`)
        .join('')
    );
  }

  const MAGIC = [...utf8('JLWR')];
  const [ANNOUNCE, DESCRIPTION, CANDIDATE] = [0, 1, 2];
  const [OFFER, ANSWER] = [0, 1];
  const [PROOF, WELCOME] = [1, 2];

  /** The connection to one of the room's pages. */
  class Link {
    constructor(peer, id) {
      Object.assign(this, { peer, id, frames: [] });
      this.isWelcomed = false;
      this.isClosed = false;
      this.connection = new RTCPeerConnection();
      this.lanes = [0, 1].map(id =>
        this.connection.createDataChannel('', { negotiated: true, id })
      );
      this.lanes.forEach(lane => (lane.binaryType = 'arraybuffer'));
      const [fast] = this.lanes;
      fast.onopen = async () => this.say(PROOF, await this.proof());
      fast.onclose = () => (this.isClosed = true);
      fast.onmessage = ({ data }) => this.hear(new Uint8Array(data));
      this.connection.onicecandidate = ({ candidate }) =>
        candidate?.candidate &&
        this.signal(CANDIDATE, [
          ...lengthy(candidate.candidate),
          ...[1, ...lengthy(candidate.sdpMid)],
          ...[1, ...number(candidate.sdpMLineIndex)]
        ]);
    }

    /** Messages of the handshake. */
    say(kind, body) {
      const { proof } = this.peer.versions;
      this.lanes[0].send(join(MAGIC, [proof, kind], body));
    }

    signal(kind, body) {
      void this.peer.signal(this.id, [kind, ...body]);
    }

    async answer(sdp) {
      await this.connection.setRemoteDescription({ type: 'offer', sdp });
      const answer = await this.connection.createAnswer();
      this.signal(DESCRIPTION, [ANSWER, ...lengthy(answer.sdp)]);
      await this.connection.setLocalDescription(answer);
    }

    async hear(bytes) {
      const kind = bytes[5];
      if (this.isWelcomed) {
        this.frames.push(bytes);
      } else if (kind === PROOF) {
        this.say(WELCOME, []);
      } else if (kind === WELCOME) {
        this.isWelcomed = true;
      }
    }

    async proof() {
      const { localDescription, remoteDescription } = this.connection;
      const sides = [localDescription, remoteDescription].map(({ sdp }) => {
        const values = credentials(sdp);
        return [0, 0, values.length >> 8, values.length & 255, ...values];
      });
      const facts = [this.peer.me, this.id, ...sides];
      const { proof } = this.peer.keys;
      return new Uint8Array(
        await crypto.subtle.sign('HMAC', proof, join(...facts))
      );
    }
  }

  class PlainPeer {
    /**
     * @param options.signaling The signaling server's URL.
     * @param options.prefix The room's prefix.
     * @param options.room The name of a named room.
     * @param options.versions What it says its version is: to the `signaling` server, and in its `proof`.
     */
    static async join({ signaling, prefix, room, versions }) {
      const peer = new PlainPeer();
      const roomId = await sha256(utf8(`${prefix}-${room}`));
      const me = random(16);
      const keys = await keysOf(roomId, prefix, room);
      Object.assign(peer, { roomId, me, keys, links: new Map() });
      peer.versions = { signaling: 1, proof: 1, ...versions };
      peer.topic = hex(roomId);
      peer.socket = new WebSocket(signaling);
      await new Promise(resolve => (peer.socket.onopen = resolve));
      // One after the other, as they came.
      let before = Promise.resolve();
      peer.socket.onmessage = ({ data }) =>
        (before = before.then(() => peer.hear(JSON.parse(data))));
      const topics = [peer.topic, await peer.inbox(me)];
      peer.socket.send(JSON.stringify({ type: 'subscribe', topics }));
      await peer.publish(peer.topic, [ANNOUNCE]);
      return peer;
    }

    async inbox(id) {
      return hex(await sha256(join(this.roomId, id)));
    }

    async signal(to, signal) {
      await this.publish(await this.inbox(to), signal);
    }

    async publish(topic, signal) {
      const iv = random(12);
      const plain = join([this.versions.signaling], this.me, signal);
      const how = { name: 'AES-GCM', iv, additionalData: utf8(topic) };
      const sealed = await crypto.subtle.encrypt(how, this.keys.seal, plain);
      const bytes = join(iv, new Uint8Array(sealed));
      const data = window.btoa(String.fromCharCode(...bytes));
      this.socket.send(JSON.stringify({ type: 'publish', topic, data }));
    }

    async hear({ type, topic, data }) {
      if (type !== 'publish') {
        return;
      }
      const bytes = Uint8Array.from(window.atob(data), c => c.charCodeAt(0));
      const iv = bytes.subarray(0, 12);
      const how = { name: 'AES-GCM', iv, additionalData: utf8(topic) };
      const sealed = bytes.subarray(12);
      const plain = await crypto.subtle.decrypt(how, this.keys.seal, sealed);
      const reader = new Reader(new Uint8Array(plain));
      reader.byte(); // the version
      await this.signalled(reader.take(16), reader);
    }

    async signalled(from, reader) {
      const kind = reader.byte();
      if (kind === DESCRIPTION && reader.byte() === OFFER) {
        const link = new Link(this, from);
        this.links.set(hex(from), link);
        await link.answer(reader.text());
      } else if (kind === CANDIDATE) {
        await this.links.get(hex(from))?.connection.addIceCandidate({
          candidate: reader.text(),
          sdpMid: reader.option(() => reader.text()),
          sdpMLineIndex: reader.option(() => reader.number())
        });
      }
    }

    /** To every page that there is a connection to: a frame on a lane. */
    send(lane, frame) {
      const data = typeof frame === 'string' ? frame : new Uint8Array(frame);
      this.links.forEach(link => link.lanes[lane].send(data));
    }

    /** The id of the document at a path, from the index that the others told. */
    documentAt(path) {
      for (const { frames } of this.links.values()) {
        for (const frame of frames) {
          const wanted = lengthy(path);
          const at = frame.findIndex((_, start) =>
            wanted.every((byte, i) => frame[start + i] === byte)
          );
          if (at >= 0) {
            const start = at + wanted.length + 1; // a resident there is
            return [...frame.subarray(start, start + 32)];
          }
        }
      }
      return null;
    }
  }

  window.PlainPeer = PlainPeer;
})();
