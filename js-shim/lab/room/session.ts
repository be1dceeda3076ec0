/**
 * The one room of this page: whether there is one, joining it and leaving it.
 */
import { Token } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';
import { IRoom } from '../../api/types.js';
import { Ledgers } from '../drive/ledger.js';
import { canJoin, IConfig, isShared } from './config.js';
import { RoomAddress } from './fragment.js';
import { Notices } from './notices.js';

/** The room of this page, for the other plugins and for extensions that want to know of it. */
export const IRoomSession = new Token<IRoomSession>(
  'jupyterlite-webrtc:IRoomSession',
  'The room in which documents are edited together'
);

export interface IRoomSession {
  /** Whether the site allows collaboration. Without it there is never a room. */
  readonly enabled: boolean;
  /** The room, as far as it is known now. */
  readonly room: IRoom | null;
  /** The room's name, or null. */
  readonly name: string | null;
  readonly address: RoomAddress;
  readonly notices: Notices;
  /** The room was joined or left. */
  readonly roomChanged: ISignal<IRoomSession, IRoom | null>;
  /** The room, once it is known whether there is one. Never rejects. */
  current(): Promise<IRoom | null>;
  /** Join a room; null (and a notice) where that can't be done. Never rejects. */
  join(name: string, secret: string | null): Promise<IRoom | null>;
  /** Leave the room; documents stay open as they are. */
  leave(): void;
  /** Leave the room, and drop all that is kept of it in this browser. Rejects where that fails. */
  forget(): Promise<void>;
}

/** What is needed of the api layer. */
export type IApi = Pick<
  typeof import('../../api/index.js'),
  'joinRoom' | 'forgetRoom' | 'forgetUnused'
>;

export class RoomSession implements IRoomSession {
  constructor(options: RoomSession.IOptions) {
    this.enabled = options.enabled;
    this.address = options.address;
    this.notices = options.notices;
    this._api = options.api;
    this._config = options.config;
    this._ledgers = options.ledgers;
    this._history = `jupyterlite-webrtc ${options.scope}`;
    // The room was left when the page was put away; without it nothing typed would be shared.
    window.addEventListener('pageshow', event => {
      if (event.persisted && this._name) {
        window.location.reload();
      }
    });
    // Read the settings only where they can matter: a page without collaboration waits for nothing.
    this._pending = this.enabled ? this._start() : Promise.resolve(null);
  }

  readonly enabled: boolean;
  readonly address: RoomAddress;
  readonly notices: Notices;

  get room(): IRoom | null {
    return this._room;
  }

  get name(): string | null {
    return this._room ? this._name : null;
  }

  get roomChanged(): ISignal<this, IRoom | null> {
    return this._roomChanged;
  }

  current(): Promise<IRoom | null> {
    return this._pending;
  }

  join(name: string, secret: string | null): Promise<IRoom | null> {
    return (this._pending = this._pending.then(async () => {
      const config = await this._config();
      return this._enter(config, name, secret);
    }));
  }

  leave(): void {
    const room = this._room;
    if (!room) {
      return;
    }
    this._pending = Promise.resolve(null);
    this._set(null, null);
    room.dispose();
    this.address.change({ room: null, secret: null });
  }

  async forget(): Promise<void> {
    const name = this.name;
    if (name) {
      this.leave();
      const { prefix } = await this._config();
      const { forgetRoom } = await this._api();
      await forgetRoom({ history: this._history, prefix, room: name });
    }
  }

  private async _start(): Promise<IRoom | null> {
    const config = await this._config();
    this.notices.problems(config.problems);
    return config.room
      ? this._enter(config, config.room, this.address.secretOf(config.room))
      : null;
  }

  private async _enter(
    config: IConfig,
    name: string,
    secret: string | null
  ): Promise<IRoom | null> {
    const { trans } = this.notices;
    if (isShared(name) && !secret) {
      this.notices.error(
        trans.__(
          'The link to this shared room is incomplete: the part after “#” is missing. Ask for the whole link. Until then you work alone.'
        )
      );
      return null;
    }
    if (!canJoin(config)) {
      return null; // the problem with the prefix has been told
    }
    // Said only where nothing is configured: what is configured wrongly has been told.
    const told = config.problems.some(({ key }) => /signaling/i.test(key));
    if (config.signaling.length === 0 && !told) {
      this.notices.warn(
        trans.__(
          'No signaling server is configured ("fullWebRtcSignalingUrls"), so other browsers can’t be found.'
        )
      );
    }
    this._set(null, null)?.dispose();
    try {
      const { joinRoom } = await this._api();
      const room = await joinRoom({
        signaling: config.signaling,
        prefix: config.prefix,
        room: name,
        secret: secret ?? undefined,
        iceServers: config.iceServers,
        iceTransportPolicy: config.iceTransportPolicy,
        history: config.historyDays > 0 ? this._history : undefined
      });
      this._set(room, name);
      this._ledgers.of(room.id).use();
      void room.settled().then(() => this._forgetUnused(config.historyDays));
      return room;
    } catch (reason) {
      console.error('Could not join the room.', reason);
      this.notices.error(
        trans.__(
          'Collaboration could not be started, and you work alone: %1',
          reason instanceof Error ? reason.message : String(reason)
        )
      );
      return null;
    }
  }

  /** Drop what is kept of rooms that nobody opened for so many days. Never rejects. */
  private async _forgetUnused(days: number): Promise<void> {
    // Not less than a day: other tabs may be in other rooms.
    this._ledgers.forgetUnused(Math.max(days, 1));
    if (days > 0) {
      try {
        const { forgetUnused } = await this._api();
        await forgetUnused(this._history, days);
      } catch (reason) {
        console.warn('Old rooms could not be forgotten.', reason);
      }
    }
  }

  /** Returns the room before. */
  private _set(room: IRoom | null, name: string | null): IRoom | null {
    const before = this._room;
    if (before !== room) {
      this._stopNotices();
      this._room = room;
      this._name = name;
      this._stopNotices = room ? this.notices.follow(room) : () => undefined;
      this._roomChanged.emit(room);
    }
    return before;
  }

  private _api: () => Promise<IApi>;
  private _config: () => Promise<IConfig>;
  private _ledgers: Ledgers;
  /** The database of all rooms of this site. Another one on this origin may keep its rooms for less long. */
  private _history: string;
  private _room: IRoom | null = null;
  private _name: string | null = null;
  private _pending: Promise<IRoom | null>;
  private _roomChanged = new Signal<this, IRoom | null>(this);
  private _stopNotices: () => void = () => undefined;
}

export namespace RoomSession {
  export interface IOptions {
    enabled: boolean;
    /** Read the configuration, settings included. Never rejects. */
    config: () => Promise<IConfig>;
    address: RoomAddress;
    notices: Notices;
    /** Loads the api layer, when it is first needed: a page without a room fetches no engine. */
    api: () => Promise<IApi>;
    ledgers: Ledgers;
    /** The site's base URL: many sites may share an origin. */
    scope: string;
  }
}
