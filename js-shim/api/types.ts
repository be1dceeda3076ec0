/**
 * The vocabulary of a room, as JavaScript sees it. Nothing here knows Jupyter.
 *
 * A *room* is a set of people who replicate the same documents. A document is named by its
 * *genesis id* (a hash of how its history began), so two different
 * histories can never merge. The room's *index* says which document lives at which path.
 */

/**
 * What a document is named by, 64 hexadecimal digits: a hash of how its history began. Documents in
 * JupyterLab are named by their first update and their path, those of `WebrtcProvider` by the room.
 */
export type GenesisId = string;

/** What a person needs to be in a room. */
export interface IRoomOptions {
  /** Signaling servers, `ws://` or `wss://`; any one that works is enough. */
  signaling: string[];
  /** The room prefix; hashed together with the room's name into the room id. At least 8 characters. */
  prefix: string;
  /** The room's name, as in `?room=`. */
  room: string;
  /** The secret of a *shared* room (from the URL fragment). Absent for a *named* room. */
  secret?: string;
  /** STUN and TURN servers, passed to `RTCPeerConnection`. */
  iceServers?: RTCIceServer[];
  /**
   * `relay`: only over the TURN servers in `iceServers`, so that no other page learns this one's network
   * address; without one nobody can be reached. Default: `all`.
   */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /**
   * The name of the IndexedDB database that keeps the room's history, so that a reload or a day without
   * network goes on with the same documents. Absent: nothing is kept.
   */
  history?: string;
}

/** One line of the room's index. */
export interface IIndexEntry {
  /** Path in everybody's own drive, without a drive name. */
  path: string;
  /** The document that lives there. */
  genesis: GenesisId;
  /** Jupyter content type: `notebook`, `file`, … */
  contentType: string;
  /** Jupyter file format: `json`, `text`, … */
  format: string;
}

/** A document now lives elsewhere: it is new (no `before`), was moved, or is gone (no `after`). */
export interface IIndexChange {
  before: IIndexEntry | null;
  after: IIndexEntry | null;
}

/** What this person wrote in a document. */
export interface IOwned {
  /** Where the document lives, or lived last. */
  entry: IIndexEntry;
  /** The Yjs state vector of this person's own changes, in this page and those before it. */
  stateVector: Uint8Array;
}

/** How the question "is anybody else here?" was answered. */
export type Settlement =
  /** Signaling answered: nobody else is in the room. */
  | 'alone'
  /** Everybody who is here has told us the index. */
  | 'together'
  /** No signaling server could be reached, or nobody answered in time. */
  | 'unanswered';

/** The state of one signaling server. */
export interface ISignalingStatus {
  url: string;
  /** In a tab that another one connects to the others all of them are `closed`. */
  state: 'connecting' | 'open' | 'closed';
}

/** Another person's page. */
export interface IPeerStatus {
  id: string;
  /**
   * `ready` once both sides have proved that they know the room's key; `interrupted` while there is no
   * network path to it, which is being looked for.
   */
  state: 'connecting' | 'proving' | 'ready' | 'interrupted';
  /** The last round trip in milliseconds, measured every 5 s; null before the first. */
  roundTrip: number | null;
  /**
   * Whether it is reached directly, through a TURN server, or is a tab of this browser; null where the
   * browser does not say.
   */
  route: 'direct' | 'relayed' | 'tab' | null;
  /** Bytes sent to it and received from it over this connection. */
  sent: number;
  received: number;
  /** Bytes that wait to be given to the browser. */
  queued: number;
}

/** A document of the room, as it is in this page. */
export interface IDocumentStatus {
  genesis: GenesisId;
  /** `held` when its content is here, `sought` when it is looked for, `unavailable` when nobody has it. */
  state: 'held' | 'sought' | 'unavailable';
  /** Whether somebody who is here has more of it than is here, as far as is known. */
  isBehind: boolean;
}

/** A picture of the room at one moment. */
export interface IRoomStatus {
  signaling: ISignalingStatus[];
  /**
   * The pages to which this one has a connection. Of the tabs of a browser one is connected to all others;
   * the rest have a link to that tab, and see nobody else here.
   */
  peers: IPeerStatus[];
  /** How many pages are in the room, this one included, and all tabs. */
  pages: number;
  /** Null until it is known who else is here. */
  settlement: Settlement | null;
  documents: IDocumentStatus[];
  /** Documents whose content is on its way to us: genesis id, bytes received and announced. */
  transfers: { genesis: GenesisId; received: number; total: number }[];
  /** Whether all that is here is also in the history, if one is kept. */
  kept: boolean;
}

/** Something a person should be told. `code` is stable, `detail` is for the message. */
export interface INotice {
  code:
    | 'signaling-unreachable'
    | 'signaling-back'
    | 'peer-unreachable'
    | 'wrong-secret'
    | 'unknown-version'
    | 'bad-peer'
    | 'history-failed'
    | 'history-back'
    | 'engine-restarted'
    | 'engine-failed';
  detail: string;
}

/** Minimal part of a Yjs document that the engine needs. */
export interface IYDoc {
  clientID: number;
  on(
    event: 'update',
    handler: (update: Uint8Array, origin: unknown) => void
  ): void;
  off(
    event: 'update',
    handler: (update: Uint8Array, origin: unknown) => void
  ): void;
}

/** A Yjs document that takes part in the room, until `dispose()`. */
export interface IAttachment {
  readonly genesis: GenesisId;
  readonly isDisposed: boolean;
  dispose(): void;
}

/** What `lab/` uses of a room; `Room` in `room.ts` implements it. */
export interface IRoom {
  /** Lower-case hex SHA-256 of `prefix-room`: the topic that signaling sees. */
  readonly id: string;
  readonly status: IRoomStatus;
  readonly isDisposed: boolean;

  /** Resolves when it is known who else is here. Never rejects. */
  settled(): Promise<Settlement>;

  /** What lives at a path, as known now. Await `settled()` first. */
  entry(path: string): IIndexEntry | null;
  /** All that lives somewhere, as known now. */
  entries(): IIndexEntry[];
  /** Where a document lives, as known now. */
  home(genesis: GenesisId): IIndexEntry | null;
  /**
   * How often something was put at a path or taken away. A document that begins where another one was
   * is another one, even with the same content: its genesis counts this in.
   */
  generation(path: string): number;

  /** Move what lives at a path, for everybody. Ask `entry(to)` first: what lives there has to go. */
  rename(from: string, to: string): void;
  /** Take away what lives at a path, for everybody. Who shows it keeps showing it. */
  remove(path: string): void;

  /** The state vector of a document; null where its content is not here. */
  stateVector(genesis: GenesisId): Uint8Array | null;
  /** The state vector of what this person wrote in a document; null where they did not. */
  own(genesis: GenesisId): Uint8Array | null;
  /**
   * What this person wrote in documents that live nowhere any more and that no page shows. Each is held
   * until it is released.
   */
  orphans(): IOwned[];
  /** What was wanted of a document is kept elsewhere. */
  release(genesis: GenesisId): void;

  /**
   * Put a document into the room: hold `update` (its content, as `entry.genesis` began it) and say that it lives at `entry.path`. Resolves when every person here has
   * confirmed, with the entry that won: another one where somebody claimed the path before.
   * `replace` claims the path even when it is taken.
   */
  claim(
    entry: IIndexEntry,
    update: Uint8Array,
    options?: { replace?: boolean }
  ): Promise<IIndexEntry>;

  /**
   * Whether a document's content is here, waiting for it to arrive. False when it is in nobody's hands
   * any more.
   */
  isHere(genesis: GenesisId): Promise<boolean>;

  /**
   * The whole content of a document as one Yjs update, waiting for it to arrive. Null when it is
   * in nobody's hands any more.
   */
  fetch(genesis: GenesisId): Promise<Uint8Array | null>;

  /**
   * Keep `ydoc` and the document in step from now on, both ways: what the document has is applied to
   * `ydoc` (with the room as origin), and what `ydoc` has and the document lacks is sent.
   */
  attach(genesis: GenesisId, ydoc: any, awareness?: any): IAttachment;

  /** Keep the room's presence (not a document's) in step with this awareness. */
  attachPresence(awareness: any): { dispose(): void };

  /** Called with no arguments whenever `status` changed. Returns how to stop listening. */
  onStatus(listener: () => void): () => void;
  /** Called when a document came, moved or went. */
  onIndex(listener: (change: IIndexChange) => void): () => void;
  /** Called with what a person should be told. */
  onNotice(listener: (notice: INotice) => void): () => void;

  /** Leave: tell the others, close every connection, free the engine. */
  dispose(): void;
}
