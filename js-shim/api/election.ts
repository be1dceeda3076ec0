/**
 * Which tab of a browser leads: the browser gives a lock to one page at a time, and to another one when
 * that page ends, however it ends. What leading means is the engine's affair.
 */

/** Whether this browser can have its tabs find each other. The Web Locks API is there on secure pages only. */
export function canElect(): boolean {
  return (
    typeof BroadcastChannel !== 'undefined' &&
    typeof navigator !== 'undefined' &&
    Boolean(navigator.locks)
  );
}

export class Election {
  /**
   * Stand for election.
   *
   * @param name What tabs of one room have in common.
   * @param changed Called when this page is elected, and when another one takes that from it.
   */
  constructor(
    private _name: string,
    private _changed: (leads: boolean) => void
  ) {
    this._stand(false);
  }

  /** Whether this page leads. */
  get leads(): boolean {
    return this._leads;
  }

  /** Take the lock from a page that has it and does not answer. */
  depose(): void {
    this._stand(true);
  }

  /** Let another page lead. */
  dispose(): void {
    this._isDisposed = true;
    this._abort.abort();
    this._end();
  }

  private _stand(steal: boolean): void {
    if (this._isDisposed) {
      return;
    }
    this._abort.abort(); // there is one candidacy at a time
    this._abort = new AbortController();
    const { signal } = this._abort;
    const { locks } = navigator;
    const lead = () => this._lead(signal);
    // The browser takes no signal for a lock that is not waited for.
    const request = steal
      ? locks.request(this._name, { steal }, lead)
      : locks.request(this._name, { signal }, lead);
    // It rejects when the candidacy ends, or when another page has taken the lock.
    request.catch(() => {
      if (!signal.aborted) {
        this._set(false);
        this._stand(false);
      }
    });
  }

  private _lead(candidacy: AbortSignal): Promise<void> | void {
    if (candidacy.aborted) {
      return;
    }
    this._set(true);
    return new Promise(resolve => (this._end = resolve));
  }

  private _set(leads: boolean): void {
    if (this._leads !== leads && !this._isDisposed) {
      this._leads = leads;
      this._changed(leads);
    }
  }

  private _leads = false;
  private _isDisposed = false;
  private _abort = new AbortController();
  private _end: () => void = () => undefined;
}
