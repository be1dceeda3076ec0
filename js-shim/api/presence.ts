/**
 * An awareness object that takes part in a room. y-protocols keeps the states, renews our own and
 * expires those of others; here only the updates pass. Each page speaks for itself alone, so that what
 * a peer said goes when the peer goes.
 */
import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates
} from 'y-protocols/awareness';
import { Engine } from './engine.js';
import { GenesisId } from './types.js';

interface IChange {
  added: number[];
  updated: number[];
  removed: number[];
}

export class Presence {
  constructor(options: Presence.IOptions) {
    this.channel = options.channel;
    this._engine = options.engine;
    this._awareness = options.awareness;
    this._disposed = options.disposed;
    this._awareness.on('update', this._onUpdate);
    this.restart();
  }

  /** Tell where we are, or again to a new engine. What others told comes again with it. */
  restart(): void {
    this.gone([...this._others]);
    if (this._awareness.getLocalState()) {
      this._tell();
    }
  }

  readonly channel: GenesisId | null;

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._awareness.off('update', this._onUpdate);
    this._tell(new Map()); // a state that is not in the map is told as gone
    this._engine()?.presenceEnded(this.channel ?? undefined);
    this.gone([...this._others]);
    this._disposed(this);
  }

  /** What a peer told. */
  apply(update: Uint8Array): void {
    applyAwarenessUpdate(this._awareness, update, this);
  }

  /** The peers that spoke for these clients are gone. */
  gone(clients: number[]): void {
    const others = clients.filter(
      client => client !== this._awareness.clientID
    );
    removeAwarenessStates(this._awareness, others, this);
    // Its clock too, or the same client coming back would be taken for something old.
    others.forEach(client => this._awareness.meta.delete(client));
  }

  private _onUpdate = (change: IChange, origin: unknown): void => {
    const { added, updated, removed } = change;
    const isOwn = [...added, ...updated, ...removed].includes(
      this._awareness.clientID
    );
    if (origin === this) {
      if (isOwn) {
        // Nobody else speaks for us. This is told with a clock that beats theirs.
        this._awareness.setLocalState(this._state);
      }
      added.forEach(client => this._others.add(client));
      removed.forEach(client => this._others.delete(client));
      return;
    }
    if (isOwn) {
      this._tell();
    }
  };

  private _tell(states: Map<number, any> = this._awareness.states): void {
    const clients = [this._awareness.clientID];
    this._state = this._awareness.getLocalState();
    if (this._awareness.meta.has(clients[0])) {
      const update = encodeAwarenessUpdate(this._awareness, clients, states);
      this._engine()?.presence(this.channel ?? undefined, update);
    }
  }

  private _engine: () => Engine | null;
  private _awareness: Awareness;
  private _disposed: (presence: Presence) => void;
  private _others = new Set<number>();
  private _state: Record<string, any> | null = null;
  private _isDisposed = false;
}

export namespace Presence {
  export interface IOptions {
    /** The engine, as long as it may be called. */
    engine: () => Engine | null;
    channel: GenesisId | null;
    awareness: Awareness;
    /** Called once, when the awareness no longer takes part. */
    disposed: (presence: Presence) => void;
  }
}
