/**
 * How long the main thread is held up by what data channels deliver. Every `onmessage` handler is
 * wrapped before anything sets one; while nothing is being recorded a wrapped one costs a comparison.
 */
interface IRecord {
  /** Milliseconds in all handlers together, and in the longest one. */
  total: number;
  longest: number;
  messages: number;
}

let record: IRecord | null = null;

const original = Object.getOwnPropertyDescriptor(
  RTCDataChannel.prototype,
  'onmessage'
)!;

Object.defineProperty(RTCDataChannel.prototype, 'onmessage', {
  ...original,
  set(handler: ((event: MessageEvent) => void) | null) {
    original.set!.call(
      this,
      handler &&
        function (this: RTCDataChannel, event: MessageEvent) {
          if (!record) {
            return handler.call(this, event);
          }
          const began = performance.now();
          handler.call(this, event);
          const took = performance.now() - began;
          record.total += took;
          record.longest = Math.max(record.longest, took);
          record.messages += 1;
        }
    );
  }
});

export function startRecording(): void {
  record = { total: 0, longest: 0, messages: 0 };
}

export function stopRecording(): IRecord {
  const done = record!;
  record = null;
  return done;
}

/**
 * When the first data channel that this page made was open. The same moment for every contestant, and
 * before anything that ours proves over it.
 */
export const channelOpen = new Promise<number>(resolve => {
  const make = RTCPeerConnection.prototype.createDataChannel;
  RTCPeerConnection.prototype.createDataChannel = function (...o) {
    const channel = make.apply(this, o);
    channel.addEventListener('open', () => resolve(performance.now()));
    return channel;
  };
});
