/**
 * What a person is told, and how: a notification in the corner, never a dialog, and each thing once.
 */
import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { INotice, IRoom } from '../api/types.js';
import { IProblem } from './config.js';

/** How long a notice stays that needs no action. */
const BRIEF = 8000;

export class Notices {
  constructor(readonly trans: TranslationBundle) {}

  /** Something went well. */
  success(
    message: string,
    options: Notification.IOptions<undefined> = {}
  ): void {
    Notification.success(message, { autoClose: BRIEF, ...options });
  }

  /** Something a person wants to know, and which is nobody's fault. */
  info(message: string, options: Notification.IOptions<undefined> = {}): void {
    Notification.info(message, { autoClose: BRIEF, ...options });
  }

  /** Something a person should know; said once, and it stays until it is closed. */
  warn(message: string): void {
    this._once(message, () =>
      Notification.warning(message, { autoClose: false })
    );
  }

  /** Something does not work at all; said once. */
  error(message: string): void {
    this._once(message, () =>
      Notification.error(message, { autoClose: false })
    );
  }

  /** Values of the configuration that can't be used. */
  problems(problems: IProblem[]): void {
    for (const problem of problems) {
      this.error(
        this.trans.__(
          'Collaboration is not configured rightly: %1',
          problem.message
        )
      );
    }
  }

  /** Pass on what a room says, until the returned function is called. */
  follow(room: IRoom): () => void {
    const stop = room.onNotice(notice => this._tell(notice));
    return () => {
      stop();
      this._withdraw();
    };
  }

  /** Say it, unless it has been said and is still there to be read. */
  private _once(message: string, say: () => string): string | null {
    const shown = this._said.get(message);
    if (shown && Notification.manager.has(shown)) {
      return null;
    }
    const id = say();
    this._said.set(message, id);
    return id;
  }

  private _tell(notice: INotice): void {
    const { trans } = this;
    switch (notice.code) {
      case 'signaling-unreachable': {
        const id = this._once(notice.code, () =>
          Notification.warning(
            trans.__(
              'No signaling server can be reached, so nobody new can find you (%1). You can go on working: everything is kept, and merged when the connection is back.',
              notice.detail
            ),
            { autoClose: false }
          )
        );
        this._unreachable = id ?? this._unreachable;
        return;
      }
      case 'signaling-back':
        this._withdraw();
        return;
      case 'peer-unreachable':
        return this.warn(
          trans.__(
            'Somebody is in the room, but no direct connection could be made (%1). Networks that forbid direct connections need a TURN server: see "webRtcIceServers".',
            notice.detail
          )
        );
      case 'wrong-secret':
        return this.error(
          trans.__(
            'The link has the wrong secret for this room. Ask for the link again. (%1)',
            notice.detail
          )
        );
      case 'unknown-version':
        return this.warn(
          trans.__(
            'Somebody in the room has another version of this extension, and you can’t work together until one of you reloads the page. (%1)',
            notice.detail
          )
        );
      case 'bad-peer':
        return this.warn(
          trans.__(
            'Somebody in the room sent what could not be understood, and was disconnected. Your document is unharmed. (%1)',
            notice.detail
          )
        );
      case 'engine-failed':
        return this.error(
          trans.__(
            'Collaboration has stopped working in this tab. Your document is here and is saved as usual; reload the page to work together again. (%1)',
            notice.detail
          )
        );
    }
  }

  /** Take back the warning that a server was missing. */
  private _withdraw(): void {
    if (this._unreachable) {
      Notification.dismiss(this._unreachable);
      this._unreachable = null;
    }
  }

  private _said = new Map<string, string>();
  private _unreachable: string | null = null;
}
