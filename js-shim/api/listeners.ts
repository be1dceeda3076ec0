/** Who wants to hear of something. One that throws keeps none of the others from hearing. */
export class Listeners<T extends unknown[]> {
  /** Add a listener; returns how to remove it. */
  add(listener: (...args: T) => void): () => void {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  /** Whether nobody listens. */
  get isEmpty(): boolean {
    return this._listeners.size === 0;
  }

  /** Call them all. */
  call(...args: T): void {
    for (const listener of [...this._listeners]) {
      try {
        listener(...args);
      } catch (reason) {
        console.error(reason);
      }
    }
  }

  private _listeners = new Set<(...args: T) => void>();
}
