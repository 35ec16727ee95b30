/** What those who wait for something need of a signal. Every AbortSignal is one. */
export interface Signal {
  readonly aborted: boolean;
  /** Why; says nothing before it is aborted. */
  readonly reason: unknown;
  /** Calls back when it is aborted; never, when it is already. The listener must not throw. */
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/**
 * A Signal and its own controller in one plain object. Every request makes several, and listens on each:
 * AbortControllers, which are EventTargets with a Map and Event objects, were a tenth of what a read costs
 * (bench/facade.bench.ts).
 */
export class Cancellation implements Signal {
  aborted = false;
  reason: unknown;
  /** Mostly there is none, and next to never more than two. */
  #listeners: (() => void)[] | undefined;

  /**
   * Tells the listeners, in the order they came, once; one that another has removed meanwhile is not told.
   *
   * @param reason default: an AbortError, as an AbortController gives
   */
  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (let next = this.#listeners?.shift(); next; next = this.#listeners?.shift()) next();
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.aborted) return;
    if (!this.#listeners) this.#listeners = [listener];
    else if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners?.indexOf(listener) ?? -1;
    if (at !== -1) this.#listeners?.splice(at, 1);
  }
}
