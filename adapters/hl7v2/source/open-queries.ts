import type { Clock } from '../../../src/ports.ts';

/** Queries that the core holds open for us between two pages (HL7 v2.5.1 §5.6.3). */
export interface OpenQueries {
  /** A page was given that has a next one. `cancel` tells the core, when nobody continues. */
  keep(tag: string, cancel: () => void): void;
  /** The next page is asked for. */
  release(tag: string): void;
  /** Forgets all of them, without a word to the core. */
  clear(): void;
}

export interface OpenQueriesOptions {
  readonly clock: Clock;
  /** How long a page token is good for, in milliseconds: nobody can continue after that. */
  readonly lifetimeMs: number;
}

/** More are not held: the oldest is given up. */
const MOST = 500;

/** Sees to it that queries which nobody continues are cancelled, rather than left to the core. */
export function createOpenQueries({ clock, lifetimeMs }: OpenQueriesOptions): OpenQueries {
  /** In the order of their last page. */
  const open = new Map<string, { readonly stop: () => void; readonly cancel: () => void }>();

  function release(tag: string): void {
    open.get(tag)?.stop();
    open.delete(tag);
  }

  function giveUp(tag: string): void {
    const query = open.get(tag);
    release(tag);
    query?.cancel();
  }

  return {
    release,
    keep(tag, cancel) {
      release(tag);
      open.set(tag, { stop: clock.after(lifetimeMs, () => giveUp(tag)), cancel });
      const [oldest] = open.keys();
      if (open.size > MOST && oldest !== undefined) giveUp(oldest);
    },
    clear() {
      for (const { stop } of open.values()) stop();
      open.clear();
    },
  };
}
