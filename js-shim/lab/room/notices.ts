/**
 * What a person is told, and how: a notification in the corner, never a dialog, and each thing once.
 */
import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { INotice, IRoom } from '../../api/types.js';
import { read, write } from '../storage.js';
import { IProblem } from './config.js';
import { showProgress } from './progress.js';

/** How long a notice stays that needs no action. */
const BRIEF = 8000;

/** The notices that are taken back when they are no longer true. */
const HISTORY: INotice['code'] = 'history-failed';
const UNREACHABLE: INotice['code'] = 'signaling-unreachable';

/** Where warnings wait while the page is loaded anew. */
const CARRIED = 'jupyterlite-webrtc:notices';

function takeCarried(): string[] {
  const text = read(window.sessionStorage, CARRIED);
  if (!text) {
    return [];
  }
  window.sessionStorage.removeItem(CARRIED);
  return JSON.parse(text);
}

export class Notices {
  /**
   * @param ready When notices can be seen: JupyterLab shows none of those from before it has started.
   */
  constructor(
    readonly trans: TranslationBundle,
    private _ready: Promise<unknown>
  ) {
    for (const message of takeCarried()) {
      this.warn(message);
    }
  }

  /** Have the warnings that are shown now shown again after the page is loaded anew. */
  carry(): void {
    const messages = [...this._said]
      .filter(
        ([key, id]) =>
          key !== UNREACHABLE && key !== HISTORY && Notification.manager.has(id)
      )
      .map(([message]) => message);
    write(window.sessionStorage, CARRIED, JSON.stringify(messages));
  }

  /** Something went well. */
  success(message: string, actions: Notification.IAction[] = []): void {
    Notification.success(message, { autoClose: BRIEF, actions });
  }

  /** Something a person wants to know, and which is nobody's fault. */
  info(message: string): void {
    Notification.info(message, { autoClose: BRIEF });
  }

  /** Something a person should know; said once, and it stays until it is closed. */
  warn(message: string, key = message): void {
    void this._once(key, () =>
      Notification.warning(message, { autoClose: false })
    );
  }

  /** Something does not work at all; said once. */
  error(message: string): void {
    void this._once(message, () =>
      Notification.error(message, { autoClose: false })
    );
  }

  /** One's own version of a document was kept under another name. */
  copied(path: string, copy: string): void {
    this.warn(
      this.trans.__(
        'The room has another version of “%1”. Yours was kept as “%2”.',
        path,
        copy
      )
    );
  }

  /**
   * Why a file does not get a name; returned, too. Not all of JupyterLab's ways to rename a file show the
   * error.
   */
  taken(path: string): string {
    const why = this.trans.__(
      'The room has “%1” already. Choose another name, or delete that first.',
      path
    );
    this.info(why);
    return why;
  }

  /** Somebody deleted a document from the room; what became of it here. */
  deleted(path: string, here: 'open' | 'kept' | 'gone'): void {
    const { trans } = this;
    switch (here) {
      case 'open':
        return this.warn(
          trans.__(
            'Somebody deleted “%1” from the room. It stays open here, and your file stays.',
            path
          )
        );
      case 'kept':
        return this.warn(
          trans.__(
            'Somebody deleted “%1” from the room. You brought it or wrote in it, so your file stays.',
            path
          )
        );
      case 'gone':
        return this.info(
          trans.__('Somebody deleted “%1” from the room.', path)
        );
    }
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
    const stopProgress = showProgress(room, this.trans, this._ready);
    return () => {
      stop();
      stopProgress();
      this._withdraw(UNREACHABLE);
      this._withdraw(HISTORY);
    };
  }

  /** Say it, unless it is there to be read already or was taken back before it could be said. */
  private async _once(key: string, say: () => string): Promise<void> {
    const before = this._said.get(key);
    if (before === '' || (before && Notification.manager.has(before))) {
      return;
    }
    this._said.set(key, '');
    await this._ready;
    if (this._said.get(key) === '') {
      this._said.set(key, say());
    }
  }

  /** JupyterLab shows 140 characters: what to do is within them, and the detail comes last. */
  private _tell(notice: INotice): void {
    const { trans } = this;
    switch (notice.code) {
      case 'signaling-unreachable':
        return this.warn(
          trans.__(
            'No signaling server can be reached, so nobody new can find you. Go on working: all is merged when one is back. (%1)',
            notice.detail
          ),
          UNREACHABLE
        );
      case 'signaling-back':
        this._withdraw(UNREACHABLE);
        return;
      case 'peer-unreachable':
        return this.warn(
          trans.__(
            'Somebody is here, but no direct connection could be made. It may take a TURN server, in "webRtcIceServers". (%1)',
            notice.detail
          )
        );
      case 'wrong-secret':
        return this.error(
          trans.__(
            'Somebody in this room has a link with another secret: you don’t see each other. Both need the same link, to its very end.'
          )
        );
      case 'unknown-version':
        return this.warn(
          trans.__(
            'Somebody in the room has another version of this extension. To work together, reload the page, both of you. (%1)',
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
      case 'history-failed':
        return this.warn(
          trans.__(
            'This browser can’t keep the room’s history now. Save your files before you close the page. (%1)',
            notice.detail
          ),
          HISTORY
        );
      case 'history-back':
        this._withdraw(HISTORY);
        return;
      case 'engine-restarted':
        return this.warn(
          trans.__(
            'Collaboration broke in this tab and was started again. Nothing is lost, and you can go on. (%1)',
            notice.detail
          )
        );
      case 'engine-failed':
        return this.error(
          trans.__(
            'Collaboration has stopped in this tab. Your document is here and is saved as usual; to work together again, reload the page. (%1)',
            notice.detail
          )
        );
    }
  }

  /** Take back a warning. */
  private _withdraw(key: INotice['code']): void {
    const id = this._said.get(key);
    if (id) {
      Notification.dismiss(id);
    }
    this._said.delete(key);
  }

  /** By what was said: the id of the notification, or nothing while it waits. */
  private _said = new Map<string, string>();
}
