/**
 * The bare data channel: what the browser itself can do, with no document and no checks. Two channels
 * of one connection, as ours has: one for keystrokes, one for bytes.
 *
 * A transfer is sent in messages of one size, and only while the browser's own queue is short
 * (backpressure); without that Chromium closes the channel at 16 MB. The receiver collects the bytes in
 * one buffer and answers with one message when all are there.
 */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 512 * 1024;

interface ISignal {
  from: string;
  to?: string;
  hello?: boolean;
  description?: RTCSessionDescriptionInit;
  candidate?: RTCIceCandidateInit | null;
}

export class Bare {
  /** Be in a room. Who `joins` says so, and is connected to by who was there and did not join. */
  static async join(
    signaling: string,
    room: string,
    joins: boolean
  ): Promise<Bare> {
    const bare = new Bare(signaling, room, joins);
    await new Promise(resolve => (bare._socket.onopen = resolve));
    bare._socket.send(JSON.stringify({ type: 'subscribe', topics: [room] }));
    if (joins) {
      bare._publish({ from: bare._me, hello: true });
    }
    return bare;
  }

  private constructor(signaling: string, room: string, joins: boolean) {
    this._joins = joins;
    this._room = room;
    this._socket = new WebSocket(signaling);
    this._socket.onmessage = event => {
      const { type, data } = JSON.parse(event.data);
      if (type === 'publish') {
        this._hear(data);
      }
    };
  }

  /** The latest connection, once its channels are open. */
  async link(): Promise<Link> {
    const link = await this._arrived.promise;
    this._arrived = deferred();
    return link;
  }

  leave(): void {
    this._socket.close();
    this._links.forEach(link => link.peer.close());
  }

  private _publish(data: ISignal): void {
    this._socket.send(
      JSON.stringify({ type: 'publish', topic: this._room, data })
    );
  }

  private async _hear(signal: ISignal): Promise<void> {
    if (signal.from === this._me || (signal.to && signal.to !== this._me)) {
      return;
    }
    if (signal.hello && this._joins) {
      return;
    }
    const { from } = signal;
    let link = this._links.get(from);
    if (!link) {
      link = new Link();
      this._links.set(from, link);
      link.peer.onicecandidate = ({ candidate }) =>
        this._publish({
          from: this._me,
          to: from,
          candidate: candidate?.toJSON()
        });
      link.open.then(() => this._arrived.resolve(link!));
    }
    const { peer } = link;
    // One after the other: a candidate can only be taken after the description before it.
    link.steps = link.steps.then(async () => {
      if (signal.description) {
        await peer.setRemoteDescription(signal.description);
      }
      if (signal.hello || signal.description?.type === 'offer') {
        await peer.setLocalDescription();
        const description = peer.localDescription!.toJSON();
        this._publish({ from: this._me, to: from, description });
      }
      if (signal.candidate) {
        await peer.addIceCandidate(signal.candidate);
      }
    });
  }

  private _me = crypto.randomUUID();
  private _room: string;
  private _joins: boolean;
  private _socket: WebSocket;
  private _links = new Map<string, Link>();
  private _arrived = deferred<Link>();
}

/** One connection with its two channels. */
export class Link {
  constructor() {
    this.keys = this._channel(0);
    this.bytes = this._channel(1);
    this.open = Promise.all(
      [this.keys, this.bytes].map(
        channel =>
          new Promise(resolve => channel.addEventListener('open', resolve))
      )
    );
  }

  readonly peer = new RTCPeerConnection();
  readonly keys: RTCDataChannel;
  readonly bytes: RTCDataChannel;
  readonly open: Promise<unknown>;
  steps: Promise<void> = Promise.resolve();

  /** Send so many bytes in messages of this size; resolves when the other side has them all. */
  async send(total: number, message: number): Promise<void> {
    const answered = new Promise(resolve => (this.bytes.onmessage = resolve));
    await this.pour(total, message);
    await answered;
  }

  /** Send without waiting for an answer. */
  async pour(total: number, message: number): Promise<void> {
    const chunk = new Uint8Array(message);
    const channel = this.bytes;
    channel.bufferedAmountLowThreshold = LOW_WATER;
    for (let left = total; left > 0; left -= message) {
      if (channel.bufferedAmount >= HIGH_WATER) {
        await new Promise(resolve => (channel.onbufferedamountlow = resolve));
      }
      channel.send(left < message ? chunk.subarray(0, left) : chunk);
    }
  }

  /** Collect so many bytes and answer. Each message waits for nothing but the one before it. */
  receive(total: number): Promise<void> {
    const all = new Uint8Array(total);
    let received = 0;
    return new Promise(resolve => {
      this.bytes.onmessage = ({ data }) => {
        all.set(new Uint8Array(data), received);
        received += data.byteLength;
        if (received >= total) {
          this.bytes.send('all here');
          resolve();
        }
      };
    });
  }

  private _channel(id: number): RTCDataChannel {
    const channel = this.peer.createDataChannel('', { negotiated: true, id });
    channel.binaryType = 'arraybuffer';
    return channel;
  }
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>(done => (resolve = done));
  return { promise, resolve };
}
