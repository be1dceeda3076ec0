/**
 * Who is here, apart from any document: the list in the people panel.
 *
 * `@jupyter/collaboration-extension` makes one awareness for the application and asks a factory to
 * carry it to the others. Its own factory opens a WebSocket to a Jupyter server; this one hands the
 * awareness to the room, while there is one.
 */
import {
  IAwarenessProvider,
  IAwarenessProviderFactory
} from '@jupyter/docprovider';
import { IAwareness } from '@jupyter/ydoc';
import { User } from '@jupyterlab/services';
import { IRoom } from '../../api/types.js';
import { IRoomSession } from './session.js';

export class AwarenessProvider implements IAwarenessProvider {
  constructor(
    readonly awareness: IAwareness,
    private _user: User.IManager,
    private _session: IRoomSession
  ) {
    void _user.ready.then(() => this._present());
    _user.userChanged.connect(this._present, this);
    _session.roomChanged.connect(this._follow, this);
    this._follow();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._user.userChanged.disconnect(this._present, this);
      this._session.roomChanged.disconnect(this._follow, this);
      this._presence?.dispose();
      this._presence = null;
    }
  }

  private _present(): void {
    if (!this._isDisposed) {
      this.awareness.setLocalStateField('user', this._user.identity);
    }
  }

  private _follow(): void {
    this._presence?.dispose();
    const room: IRoom | null = this._session.room;
    this._presence = room?.attachPresence(this.awareness) ?? null;
  }

  private _isDisposed = false;
  private _presence: { dispose(): void } | null = null;
}

export class AwarenessProviderFactory implements IAwarenessProviderFactory {
  constructor(private _session: IRoomSession) {}

  create(options: IAwarenessProviderFactory.IOptions): IAwarenessProvider {
    return new AwarenessProvider(
      options.awareness,
      options.user,
      this._session
    );
  }
}
