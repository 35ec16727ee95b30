import type { ProjectionEvent, ProjectionLog } from '../../../projection-ports.ts';
import type { FollowerStore } from '../../../follower-ports.ts';
import type { Clock, Logger } from '../../../ports.ts';

export interface CopyReaderOptions {
  /** Name of the copy. */
  readonly name: string;
  readonly types: readonly string[];
  readonly events: Pick<ProjectionLog, 'events' | 'last'>;
  readonly store: Pick<FollowerStore, 'cursor' | 'advance' | 'place'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pause after the log could not be read, in milliseconds. */
  readonly retryMs: number;
  /** Whether more may be owed. */
  readonly hasRoom: () => boolean;
  /** Told of each event that is not done with, in order. */
  readonly take: (event: ProjectionEvent) => void;
  /** The first event that is not done with; undefined: all that were read are. */
  readonly lowest: () => number | undefined;
}

/** Reads a log for a copy, and keeps how far everything is done with. */
export interface CopyReader {
  /** Takes up where the last process stood. */
  open(): void;
  /** Reads on while there is room; the event loop turns in between. */
  readOn(): void;
  /**
   * Something is done with: where the copy stands is written down soon. A process that is killed before repeats that
   * much.
   */
  save(): void;
  /** Number of the last event with which, and with all before, everything is done. */
  position(): number;
  /** Reads no more; where the copy stands is written down. */
  close(): void;
}

const CHUNK = 500;
const SAVE_MS = 250;

export function createCopyReader(options: CopyReaderOptions): CopyReader {
  const { name, types, events, store, clock, log, hasRoom, take, lowest } = options;
  /** By type, because a type that is configured later begins at the beginning. */
  const cursors = new Map<string, number>();
  let read = 0;
  let saved = 0;
  let scheduled = false;
  let closed = false;
  let saving: (() => void) | undefined;

  const followerOf = (type: string): string => `copy ${name} ${type}`;

  function position(): number {
    const first = lowest();
    return first === undefined ? read : Math.min(read, first - 1);
  }

  function saveNow(): void {
    const at = position();
    if (at <= saved) return;
    for (const type of types) store.advance(followerOf(type), at);
    saved = at;
  }

  function save(): void {
    if (closed) return;
    saving ??= clock.after(SAVE_MS, () => {
      saving = undefined;
      try {
        saveNow();
      } catch (error) {
        log.error('where a copy stands cannot be written down', { to: name, error });
        save();
      }
    });
  }

  function readOn(): void {
    if (scheduled || closed) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (closed || !hasRoom()) return;
      try {
        const found = events.events(read, CHUNK);
        for (const event of found) {
          const cursor = cursors.get(event.type);
          if (cursor !== undefined && event.number > cursor) take(event);
        }
        read = found.at(-1)?.number ?? read;
        if (found.length > 0) save();
        if (found.length === CHUNK) readOn();
      } catch (error) {
        log.error('a copy cannot read what it follows', { to: name, error });
        clock.after(options.retryMs, readOn);
      }
    });
  }

  return {
    open() {
      const last = events.last();
      for (const type of types) {
        const follower = followerOf(type);
        if (store.cursor(follower) > last) {
          log.warn('the log that a copy follows was made anew: it is followed from its beginning', {
            to: name,
          });
          store.place(follower, 0);
        }
        cursors.set(type, store.cursor(follower));
      }
      read = Math.min(...cursors.values());
      saved = read;
    },
    readOn,
    save,
    position,
    close() {
      closed = true;
      saving?.();
      saveNow();
    },
  };
}
