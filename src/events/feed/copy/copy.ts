import { LRUCache } from 'lru-cache';
import type { ProjectionEvent, ProjectionLog } from '../../../projection-ports.ts';
import type { Resource } from '../../../fhir/types.ts';
import type { DeadCopy, FollowerStore } from '../../../follower-ports.ts';
import type { Backend, Clock, Logger } from '../../../ports.ts';
import { createBackground } from '../../background.ts';
import { referencesOf } from '../../content.ts';
import { putModern } from '../../put-modern.ts';
import { SetbackError, nextTry, setbackOf } from '../../verdict.ts';
import type { BackOff, Setback } from '../../verdict.ts';
import { createWorkQueue } from '../../work-queue.ts';
import { createBacklog } from './backlog.ts';
import type { Owed } from './backlog.ts';
import { createDeadCopies } from './dead.ts';
import { createOutage } from './outage.ts';
import { createCopyReader } from './reader.ts';

export interface CopyOptions extends BackOff {
  /** Name of the modern service's backend. */
  readonly name: string;
  readonly types: readonly string[];
  /** Who decides about what the service refuses. */
  readonly owner: string;
  readonly events: Pick<ProjectionLog, 'events' | 'last'>;
  /** A resource as the projection has it now; undefined: nobody has told of it. */
  readonly current: (
    type: string,
    id: string,
  ) => { readonly resource: Resource; readonly version: number } | undefined;
  /**
   * Whether a resource may be sent: `leave` what the service itself is the origin of (an echo of its own write); `wait`
   * while the legacy side is still being told of something of it.
   */
  readonly mayCopy: (
    type: string,
    id: string,
    patient: string | undefined,
  ) => Promise<'send' | 'leave' | 'wait'>;
  readonly store: Pick<FollowerStore, 'cursor' | 'advance' | 'place' | 'dead' | 'bury' | 'exhume'>;
  readonly target: Backend;
  readonly clock: Clock;
  readonly log: Logger;
  /** Patients at once. */
  readonly concurrency: number;
  /** Failures before an owner must decide. Those of a service that takes nothing at all meanwhile do not count. */
  readonly attempts: number;
  /** Longest that one delivery waits, in milliseconds (default 30 s). */
  readonly deliveryMs?: number;
  /** Resources that are owed in memory at most; the log keeps the others (default 5,000). */
  readonly window?: number;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

/** How far a copy is. */
export interface CopyStatus {
  /** Number of the last event that everything is done with, and of the last that there is. */
  readonly position: number;
  readonly last: number;
  /** Resources on their way. */
  readonly waiting: number;
  /** Since when the oldest of them is owed, in epoch milliseconds. */
  readonly oldest?: number;
  readonly dead: number;
  /** Since this process began: brought, and left alone because the service itself is their origin. */
  readonly sent: number;
  readonly left: number;
  /** What keeps the service from taking anything; absent while it takes something. */
  readonly trouble?: string;
}

/** A modern service kept in step with the projection. */
export interface Copy {
  start(): void;
  /** The log has gone on. */
  wake(): void;
  /** Takes nothing new; resolves when what is under way has ended. */
  stop(): Promise<void>;
  status(): CopyStatus;
  dead(): readonly DeadCopy[];
  /** Tries a dead one again. @throws FicusError `not-found` */
  retry(type: string, id: string): void;
  /** Gives a dead one up, until it changes again. @throws FicusError `not-found` */
  discard(type: string, id: string): void;
}

const STOP_MS = 2_000;
const REMEMBERED = 20_000;
/** Refusals after which what was refused as well is not waited for any more. */
const ROUNDS = 3;

/**
 * Follows the projection's log: PUT under our ids, with what the projection says at the time of sending, so that
 * several changes collapse; in order for each patient, others meanwhile; at least once. The cursor passes only what was
 * brought, is dead and written down, or is none of ours.
 */
export function createCopy(options: CopyOptions): Copy {
  const { name, types, owner, events, current, store, clock, log, window = 5_000 } = options;
  const { random = Math.random, deliveryMs = 30_000 } = options;
  const background = createBackground({ name: 'ficus:copy', ms: deliveryMs, clock, log });
  const queue = createWorkQueue({ clock, concurrency: options.concurrency, work: deliver });
  const backlog = createBacklog();
  const dead = createDeadCopies(name, store);
  const outage = createOutage(options, clock, random);
  /** Versions that the service has: events about them, or older ones, say nothing new. */
  const brought = new LRUCache<string, number>({ max: REMEMBERED });
  const stopping = new AbortController();
  let sent = 0;
  let left = 0;
  const sentWhenFailed = new WeakMap<Owed, number>();

  const reader = createCopyReader({
    name,
    types,
    events,
    store,
    clock,
    log,
    retryMs: options.maxRetryMs,
    hasRoom: () => backlog.size < window,
    take,
    lowest: () => backlog.lowest(),
  });

  function take(event: ProjectionEvent): void {
    const { type, id, version } = event;
    const done = Math.max(brought.get(nameOf(event)) ?? 0, dead.version(type, id));
    if (version <= done && !backlog.of(type, id)) return;
    const lane = backlog.add(event, clock.now());
    // One that waits for its next try goes on waiting.
    if (backlog.head(lane)?.tries === 0) queue.offer(lane, clock.now());
  }

  async function deliver(lane: string): Promise<void> {
    const owed = backlog.head(lane);
    if (!owed || stopping.signal.aborted) return;
    if (clock.now() < outage.resumeAt()) return queue.offer(lane, outage.resumeAt());
    backlog.begin(owed);
    let version = 0;
    try {
      await background.run(async (context) => {
        const way = await options.mayCopy(owed.type, owed.id, owed.patient);
        if (way === 'wait') throw new SetbackError(WAITING);
        // Read last: what is sent is no older than any event that was read before.
        const now = current(owed.type, owed.id);
        version = now?.version ?? owed.version;
        if (way === 'leave' || !now) {
          left += 1;
          return;
        }
        await putModern(options.target, owed, now.resource, context);
        sent += 1;
      }, stopping.signal);
      arrived(owed, version);
      queue.offer(lane, clock.now());
    } catch (error) {
      if (stopping.signal.aborted) return;
      setBack(owed, version, error);
    }
    if (backlog.size < window) reader.readOn();
  }

  function arrived(owed: Owed, version: number): void {
    brought.set(nameOf(owed), version);
    dead.exhume(owed.type, owed.id);
    backlog.end(owed, version, clock.now());
    reader.save();
    if (!outage.end()) return;
    log.info('a modern service takes copies again', { to: name });
    // The others need not wait for the end of their pause.
    queue.hurry();
  }

  function setBack(owed: Owed, version: number, error: unknown): void {
    const { kind, words } = setbackOf(error);
    owed.tries += 1;
    if (error instanceof SetbackError && error.setback === WAITING) return pause(owed, words);
    log.warn('a resource was not copied', { to: name, kind, attempt: owed.tries, reason: words });
    if (kind === 'outage') return standStill(owed, words);
    const waits = kind === 'refusal' && mayComeFirst(owed);
    if (kind === 'refusal' && !waits) return die(owed, version, words);
    if (waits || isSentSince(owed)) owed.failures += 1;
    else outage.suspect();
    if (owed.failures >= options.attempts) return die(owed, version, words);
    pause(owed, words, waits);
  }

  function standStill(owed: Owed, words: string): void {
    backlog.putBack(owed);
    queue.offer(owed.lane, outage.begin(words));
  }

  /** Whether the service took anything since the last failure of this one. */
  function isSentSince(owed: Owed): boolean {
    const before = sentWhenFailed.get(owed);
    sentWhenFailed.set(owed, sent);
    return before !== undefined && sent > before;
  }

  function pause(owed: Owed, words: string, behind = false): void {
    backlog.putBack(owed, behind);
    outage.note(words);
    const isFirst = backlog.head(owed.lane) === owed;
    queue.offer(owed.lane, isFirst ? nextTry(options, owed.tries, clock, random) : clock.now());
  }

  /**
   * Whether a resource that was refused refers to one that the service is still to be brought, and may be taken after
   * it. Those that were refused themselves are waited for a few times only: they may wait for this one.
   */
  function mayComeFirst({ type, id, failures }: Owed): boolean {
    const resource = current(type, id)?.resource;
    return (resource ? referencesOf(resource) : []).some((reference) => {
      const [toType = '', toId = ''] = reference.split('/');
      const other = toType === type && toId === id ? undefined : backlog.of(toType, toId);
      return other !== undefined && (other.tries === 0 || failures < ROUNDS);
    });
  }

  function die(owed: Owed, version: number, reason: string): void {
    const { type, id, first: number, tries: attempts, lane } = owed;
    const at = clock.now();
    const one = { copy: name, type, id, number, version, attempts, reason, owner, at, retrying: false };
    try {
      dead.bury(one);
    } catch (error) {
      // Not on disk: then it is owed still.
      log.error('what a modern service refused cannot be written down', { to: name, error });
      backlog.putBack(owed);
      queue.offer(lane, at + options.maxRetryMs);
      return;
    }
    backlog.end(owed, version, at);
    log.error('a resource cannot be copied', { to: name, reason });
    reader.save();
    queue.offer(lane, at);
  }

  return {
    start() {
      reader.open();
      dead.open();
      for (const one of dead.all()) {
        if (one.retrying) queue.offer(backlog.add(one, clock.now()), clock.now());
      }
      reader.readOn();
    },
    wake: () => reader.readOn(),
    async stop() {
      // What is under way may end.
      const cancel = clock.after(STOP_MS, () => stopping.abort());
      await queue.stop();
      cancel();
      stopping.abort();
      reader.close();
    },
    status() {
      const oldest = backlog.oldest();
      const trouble = outage.trouble();
      return {
        position: reader.position(),
        last: events.last(),
        waiting: backlog.size,
        ...(oldest === undefined ? {} : { oldest }),
        dead: dead.all().length,
        sent,
        left,
        ...(trouble === undefined || backlog.size === 0 ? {} : { trouble }),
      };
    },
    dead: () => dead.all(),
    retry(type, id) {
      const again = { ...dead.one(type, id), retrying: true };
      dead.bury(again);
      queue.offer(backlog.add(again, clock.now()), clock.now());
    },
    discard(type, id) {
      dead.one(type, id);
      dead.exhume(type, id);
    },
  };
}

const WAITING: Setback = {
  kind: 'failure',
  words: 'the legacy side is still to be told of a write of the same patient',
};

function nameOf({ type, id }: { readonly type: string; readonly id: string }): string {
  return `${type}/${id}`;
}
