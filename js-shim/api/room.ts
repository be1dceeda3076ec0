/**
 * A room, as a page sees it: the engine's events made into promises and listeners.
 *
 * The engine may break (a bug, memory). Then another one is started, which has what the history keeps,
 * and gets from the live documents what that lacks. If that breaks too, again and again, the room says so
 * once, counts as left, and every promise resolves as if nobody else were here, so that the page goes on
 * by itself.
 */
import * as Y from 'yjs';
import { Attachment } from './attachment.js';
import { browserTab } from './client-id.js';
import { canElect, Election } from './election.js';
import {
  dial,
  Engine,
  EngineEvent,
  EngineStatus,
  loadEngine,
  startEngine,
  tabsOf
} from './engine.js';
import { Listeners } from './listeners.js';
import { Presence } from './presence.js';
import {
  GenesisId,
  IAttachment,
  IIndexChange,
  IIndexEntry,
  INotice,
  IOwned,
  IRoom,
  IRoomOptions,
  IRoomStatus,
  Settlement
} from './types.js';

/** The shortest room prefix. It keeps sites with rooms of the same name apart. */
const SHORTEST_PREFIX = 8;

/** An engine that breaks is started again so many times. */
const RESTARTS = 3;

/** Between two calls of the status listeners, in milliseconds. */
const STATUS_PAUSE = 100;

/** Join a room. Rejects, with a message for a person, when the options or the browser don't allow it. */
export async function joinRoom(options: IRoomOptions): Promise<IRoom> {
  check(options);
  const sockets = dial(options.signaling);
  try {
    await loadEngine();
    return new Room(options, sockets);
  } catch (reason) {
    sockets.forEach(socket => socket?.close());
    throw reason;
  }
}

function check(options: IRoomOptions): void {
  if (!options.room) {
    throw new Error('A room needs a name.');
  }
  if (options.prefix.length < SHORTEST_PREFIX) {
    throw new Error(
      `The room prefix must have at least ${SHORTEST_PREFIX} characters.`
    );
  }
  const wrong = options.signaling.find(url => !/^wss?:\/\/[^/]/.test(url));
  if (wrong !== undefined) {
    throw new Error(
      `A signaling server must be a ws:// or wss:// URL: ${wrong}`
    );
  }
  // A typing error must not show an address that was to be hidden.
  const { iceTransportPolicy = 'all' } = options;
  if (!['all', 'relay'].includes(iceTransportPolicy)) {
    throw new Error(
      `iceTransportPolicy is neither "all" nor "relay": ${iceTransportPolicy}`
    );
  }
  if (typeof RTCPeerConnection === 'undefined') {
    throw new Error('This browser has no WebRTC, or it is switched off.');
  }
}

class Room implements IRoom {
  constructor(
    private _options: IRoomOptions,
    sockets: (WebSocket | null)[]
  ) {
    this._urls = _options.signaling;
    if (canElect()) {
      // Before the engine: the browser thinks about it while that is made.
      const { prefix, room, secret } = _options;
      const tabs = tabsOf(prefix, room, secret);
      this._election = new Election(tabs, leads => this._elected(leads));
    }
    try {
      this._engine = this._start(sockets);
    } catch (reason) {
      this._election?.dispose(); // a lock that nobody leads with would keep other tabs waiting
      throw reason;
    }
    this.id = this._engine.id();
    window.addEventListener('pagehide', this._onPageHide);
    window.addEventListener('online', this._onNetwork);
  }

  readonly id: string;

  get status(): IRoomStatus {
    const none = {
      peers: [],
      pages: 1,
      settlement: null,
      documents: [],
      transfers: [],
      kept: true
    };
    const status: EngineStatus = this._live()?.status() ?? {
      ...none,
      signaling: this._urls.map(() => 'closed')
    };
    const signaling = this._urls.map((url, i) => ({
      url,
      state: status.signaling[i]
    }));
    return { ...status, signaling };
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  settled(): Promise<Settlement> {
    return this._settled.promise;
  }

  entry(path: string): IIndexEntry | null {
    return this._live()?.entry(path) ?? null;
  }

  entries(): IIndexEntry[] {
    return this._live()?.entries() ?? [];
  }

  home(genesis: GenesisId): IIndexEntry | null {
    return this._live()?.home(genesis) ?? null;
  }

  generation(path: string): number {
    return this._live()?.generation(path) ?? 0;
  }

  rename(from: string, to: string): void {
    this._live()?.rename(from, to);
  }

  remove(path: string): void {
    this._live()?.remove(path);
  }

  stateVector(genesis: GenesisId): Uint8Array | null {
    return this._live()?.stateVector(genesis) ?? null;
  }

  own(genesis: GenesisId): Uint8Array | null {
    return this._live()?.own(genesis) ?? null;
  }

  orphans(): IOwned[] {
    return this._live()?.orphans() ?? [];
  }

  release(genesis: GenesisId): void {
    this._live()?.release(genesis);
  }

  claim(
    entry: IIndexEntry,
    update: Uint8Array,
    options: { replace?: boolean } = {}
  ): Promise<IIndexEntry> {
    if (this._isDisposed) {
      return Promise.resolve(entry);
    }
    const number = ++this._lastClaim;
    const claim = deferred<IIndexEntry>();
    const replace = options.replace ?? false;
    this._claims.set(number, {
      resolve: claim.resolve,
      entry,
      update,
      replace
    });
    this._live()?.claim(number, entry, update, replace);
    return claim.promise;
  }

  isHere(genesis: GenesisId): Promise<boolean> {
    const state = this._isDisposed
      ? 'unavailable'
      : (this._live()?.documentState(genesis) ?? 'sought');
    if (state !== 'sought') {
      return Promise.resolve(state === 'held');
    }
    const arrival = deferred<boolean>();
    const waiting = this._arrivals.get(genesis) ?? [];
    this._arrivals.set(genesis, [...waiting, arrival.resolve]);
    return arrival.promise;
  }

  async fetch(genesis: GenesisId): Promise<Uint8Array | null> {
    return (await this.isHere(genesis)) ? this._content(genesis) : null;
  }

  attach(genesis: GenesisId, ydoc: any, awareness?: any): IAttachment {
    if (this._isDisposed) {
      return { genesis, isDisposed: true, dispose: () => undefined };
    }
    const attachment = new Attachment({
      engine: this._live,
      genesis,
      ydoc,
      awareness,
      edited: (author, update) =>
        this._attached(genesis)
          .filter(one => one !== author)
          .forEach(one => one.apply(update)),
      disposed: gone => {
        presence?.dispose();
        this._attachments.delete(gone);
        const others = [...this._attachments].some(
          one => one.genesis === genesis
        );
        if (!others) {
          this._live()?.detach(genesis);
        }
      }
    });
    this._attachments.add(attachment);
    // After the attachment, which may give both another client id.
    const presence = awareness ? this._presence(genesis, awareness) : null;
    return attachment;
  }

  attachPresence(awareness: any): { dispose(): void } {
    return this._isDisposed
      ? { dispose: () => undefined }
      : this._presence(null, awareness);
  }

  onStatus(listener: () => void): () => void {
    return this._statusListeners.add(listener);
  }

  onIndex(listener: (change: IIndexChange) => void): () => void {
    return this._indexListeners.add(listener);
  }

  /** What was to be told before anybody listened is told to the first who does. */
  onNotice(listener: (notice: INotice) => void): () => void {
    const stop = this._noticeListeners.add(listener);
    this._untold
      .splice(0)
      .forEach(notice => this._noticeListeners.call(notice));
    return stop;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    [...this._attachments, ...this._presences].forEach(one => one.dispose());
    const engine = this._live();
    engine?.leave();
    this._end();
    // Not at once: the engine may be what called us.
    queueMicrotask(() => engine?.free());
  }

  private _presence(channel: GenesisId | null, awareness: any): Presence {
    const presence = new Presence({
      engine: this._live,
      channel,
      awareness,
      disposed: gone => this._presences.delete(gone)
    });
    this._presences.add(presence);
    return presence;
  }

  private _content(genesis: GenesisId): Uint8Array | null {
    const updates = this._live()?.content(genesis) as Uint8Array[] | undefined;
    if (!updates) {
      return null;
    }
    return updates.length === 1 ? updates[0] : Y.mergeUpdates(updates);
  }

  private _hear(event: EngineEvent): void {
    switch (event.type) {
      case 'apply':
        this._attached(event.genesis).forEach(one => one.apply(event.update));
        break;
      case 'compact':
        this._attached(event.genesis)[0]?.compact();
        break;
      case 'presence':
        this._present(event.channel).forEach(one => one.apply(event.update));
        break;
      case 'presence-gone':
        this._present(event.channel).forEach(one => one.gone(event.clients));
        break;
      case 'index':
        this._keepHome(event);
        this._indexListeners.call({ before: event.before, after: event.after });
        break;
      case 'claimed':
        this._claims.get(event.number)?.resolve(event.entry);
        this._claims.delete(event.number);
        break;
      case 'held':
        this._attached(event.genesis).forEach(one => one.reconcile());
        this._arrived(event.genesis, true);
        break;
      case 'unavailable':
        this._arrived(event.genesis, false);
        this._bringBack();
        break;
      case 'depose':
        this._election?.depose();
        break;
      case 'settled':
        this._settled.resolve(event.settlement);
        this._bringBack();
        break;
      case 'status':
        this._statusChanged();
        break;
      case 'notice':
        this._notice(event.code, event.detail);
        break;
    }
  }

  private _elected(leads: boolean): void {
    const engine = this._live();
    if (leads) {
      engine?.lead();
    } else {
      engine?.follow();
    }
  }

  /** While a large document arrives the status changes with every frame: listeners hear now and then. */
  private _statusChanged(): void {
    this._statusTimer ??= setTimeout(() => {
      this._statusTimer = null;
      this._statusListeners.call();
    }, STATUS_PAUSE);
  }

  private _notice(code: INotice['code'], detail: string): void {
    const urls = this._urls.join(', ');
    const isSignaling = code === 'signaling-unreachable';
    const notice = { code, detail: isSignaling ? urls : detail };
    if (this._noticeListeners.isEmpty) {
      this._untold.push(notice);
    }
    this._noticeListeners.call(notice);
  }

  private _attached(genesis: GenesisId): Attachment[] {
    return [...this._attachments].filter(one => one.genesis === genesis);
  }

  private _present(channel: GenesisId | null): Presence[] {
    return [...this._presences].filter(one => one.channel === channel);
  }

  private _arrived(genesis: GenesisId, held: boolean): void {
    this._arrivals.get(genesis)?.forEach(resolve => resolve(held));
    this._arrivals.delete(genesis);
  }

  private _start(sockets: (WebSocket | null)[]): Engine {
    return startEngine(
      {
        ...this._options,
        tabs: canElect(),
        // Asked for only where it is needed: the first look into the session storage takes milliseconds.
        browserTab: this._options.history ? browserTab() : undefined
      },
      sockets,
      event => this._hear(event),
      message => this._fail(message)
    );
  }

  /** A broken engine must not be called again, not even to say goodbye. */
  private _fail(message: string): void {
    if (!this._isDisposed && !this._isBroken) {
      this._isBroken = true;
      // Not at once: the engine is what called us.
      setTimeout(() => this._restart(message));
    }
  }

  private _restart(message: string): void {
    if (this._isDisposed) {
      return;
    }
    try {
      if (++this._restarts > RESTARTS) {
        throw new Error(message);
      }
      this._engine = this._start(dial(this._urls));
      this._isBroken = false;
    } catch (reason) {
      this._end();
      this._notice('engine-failed', `${reason}`);
      return;
    }
    if (this._election?.leads) {
      this._engine.lead();
    }
    this._notice('engine-restarted', message);
    this._attachments.forEach(one => one.restart());
    this._presences.forEach(one => one.restart());
    this._claims.forEach(({ entry, update, replace }, number) =>
      this._engine.claim(number, entry, update, replace)
    );
  }

  /** After a restart: documents that are shown here, and that neither the history nor anybody has. */
  private _bringBack(): void {
    for (const { genesis, ydoc } of this._restarts ? this._attachments : []) {
      const entry = this._homes.get(genesis);
      const state = this._live()?.documentState(genesis);
      if (entry && (state === 'unknown' || state === 'unavailable')) {
        void this.claim(entry, Y.encodeStateAsUpdate(ydoc));
      }
    }
  }

  /** Where documents live, should the engine forget it. */
  private _keepHome({ before, after }: IIndexChange): void {
    if (after) {
      this._homes.set(after.genesis, after);
    } else if (before) {
      this._homes.delete(before.genesis);
    }
  }

  /** Nothing goes to the engine, or comes from it, after this. */
  private _end(): void {
    this._isDisposed = true;
    this._election?.dispose();
    window.removeEventListener('pagehide', this._onPageHide);
    window.removeEventListener('online', this._onNetwork);
    this._settled.resolve('unanswered');
    this._claims.forEach(claim => claim.resolve(claim.entry));
    this._claims.clear();
    [...this._arrivals.keys()].forEach(genesis =>
      this._arrived(genesis, false)
    );
    [...this._attachments, ...this._presences].forEach(one => one.dispose());
    this._statusListeners.call();
  }

  /** The engine, as long as it may be called. */
  private _live = (): Engine | null =>
    this._isDisposed || this._isBroken ? null : this._engine;

  private _onPageHide = (): void => this.dispose();

  private _onNetwork = (): void => this._live()?.networkChanged();

  private _engine: Engine;
  private _election: Election | null = null;
  private _urls: string[];
  private _isDisposed = false;
  private _isBroken = false;
  private _restarts = 0;
  private _homes = new Map<GenesisId, IIndexEntry>();
  private _settled = deferred<Settlement>();
  private _statusTimer: ReturnType<typeof setTimeout> | null = null;
  private _lastClaim = 0;
  private _claims = new Map<number, IClaim>();
  private _arrivals = new Map<GenesisId, ((held: boolean) => void)[]>();
  private _attachments = new Set<Attachment>();
  private _presences = new Set<Presence>();
  private _statusListeners = new Listeners<[]>();
  private _indexListeners = new Listeners<[IIndexChange]>();
  private _untold: INotice[] = [];
  private _noticeListeners = new Listeners<[INotice]>();
}

interface IClaim {
  resolve: (entry: IIndexEntry) => void;
  entry: IIndexEntry;
  update: Uint8Array;
  replace: boolean;
}

interface IDeferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
}

function deferred<T>(): IDeferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>(done => (resolve = done));
  return { promise, resolve };
}
