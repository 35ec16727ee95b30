import { FicusError } from '../errors.ts';
import type { Resource } from '../fhir/types.ts';
import type { OutboxHead, OutboxRecord } from '../replica-ports.ts';
import type { Backend, Clock, Logger, RequestContext } from '../ports.ts';
import type { KeyedLock } from '../resilience/keyed-lock.ts';
import { createBackground } from './background.ts';
import { asResource, readBody } from './content.ts';
import { createModernSide } from './modern-side.ts';
import type { Outbox } from './outbox-port.ts';
import { untilNone } from './until-none.ts';
import { nextTry, setbackOf } from './verdict.ts';
import type { BackOff, Setback } from './verdict.ts';
import { createWorkQueue } from './work-queue.ts';

export interface RecoveryOptions extends BackOff {
  readonly outbox: Outbox;
  /** By name, with their Layers. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly log: Logger;
  /** Questions at once. */
  readonly concurrency: number;
  /** Questions that bring nothing before an owner must decide. Those to a side that answers nobody do not count. */
  readonly attempts: number;
  /**
   * How long a write that has left may still take effect, in milliseconds: before that, not there does not mean not
   * done.
   */
  readonly settleMs: number;
  /** Longest that one question waits, in milliseconds (default 10 s). */
  readonly askMs?: number;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
  /** Largest body of a modern answer that is read, in bytes (default 8 MiB). */
  readonly maxBytes?: number;
}

/** Finds out what became of writes without a known outcome. */
export interface Recovery {
  start(): void;
  stop(): Promise<void>;
  /**
   * Resolves when no write is doubtful any more (true), or the signal aborts (false). Does not hurry: time is part of
   * the answer.
   */
  settled(signal: AbortSignal): Promise<boolean>;
}

type Finding =
  /** It is there: whether this write made it so or another since, the other side is owed it. */
  | { readonly kind: 'done'; readonly held: Resource }
  | { readonly kind: 'not-done' }
  /** Not there yet; it may still come. */
  | { readonly kind: 'early' };

/**
 * Asks the side that should have done it, never the other: a resource with a known id by reading it, a legacy create by
 * the numbers that went with it. Done, it is owed to the other side; not done, it is gone; until then it pins its
 * patient. A question is never a write.
 */
export function createRecovery(options: RecoveryOptions): Recovery {
  const { outbox, backends, locks, clock, log, settleMs, askMs = 10_000, random = Math.random } = options;
  const { maxBytes = 8 * 1024 * 1024 } = options;
  const background = createBackground({ name: 'ficus:recovery', ms: askMs, clock, log });
  const queue = createWorkQueue({ clock, concurrency: options.concurrency, work: ask });
  const stopping = new AbortController();
  const never = new AbortController().signal;
  const startedAt = clock.now();
  let unsubscribe = (): void => {};

  async function ask(id: string): Promise<void> {
    try {
      // A client may be repeating it at this moment.
      const unlock = await locks.acquire(
        `write ${id}`,
        never,
        () => new FicusError('unavailable', 'Stopping.'),
      );
      try {
        await question(id);
      } finally {
        unlock();
      }
    } catch (error) {
      log.error('the outbox failed', { error });
      clock.after(options.maxRetryMs, () => outbox.offerAll());
    }
  }

  async function question(id: string): Promise<void> {
    const head = outbox.head(id);
    const entry = head?.state === 'doubtful' ? await outbox.find(id) : undefined;
    if (!head || !entry) return;
    const settledAt = Math.max(entry.acceptedAt, startedAt) + settleMs;
    let finding: Finding;
    try {
      finding = await background.run(
        (context) => find(entry, clock.now() >= settledAt, context),
        stopping.signal,
      );
    } catch (error) {
      if (!stopping.signal.aborted) await setBack(head, setbackOf(error));
      return;
    }
    if (finding.kind === 'done') await outbox.accept(id, finding.held);
    else if (finding.kind === 'not-done') await outbox.refuse(id);
    else await outbox.note(id, { nextAttemptAt: settledAt });
  }

  async function setBack(head: OutboxHead, { kind, words }: Setback): Promise<void> {
    const failures = head.attempts + (kind === 'outage' ? 0 : 1);
    log.warn('a write could not be asked after', {
      endpoint: head.endpoint,
      kind,
      attempt: failures,
      reason: words,
    });
    if (failures >= options.attempts) return outbox.die(head.id, words, failures);
    const nextAttemptAt = nextTry(options, Math.max(1, failures), clock, random);
    await outbox.note(head.id, { attempts: failures, lastError: words, nextAttemptAt });
  }

  /** @param settled whether what is not there now will not come any more */
  async function find(entry: OutboxRecord, settled: boolean, context: RequestContext): Promise<Finding> {
    const backend = backends.get(entry.backend);
    if (!backend) throw new FicusError('internal', `There is no backend ${entry.backend} any more.`);
    const { type, resourceId } = entry;
    if (entry.from === 'modern') {
      const held = await createModernSide(backend, maxBytes).read(type, resourceId ?? '', context);
      // Of an update, what is there may be what was there before.
      if (held && (settled || entry.endpoint.endsWith('.create'))) return { kind: 'done', held };
      return held || !settled ? { kind: 'early' } : { kind: 'not-done' };
    }
    if (resourceId === undefined) return findMade(entry, settled, backend, context);
    return settled ? findHeld(entry, resourceId, backend, context) : { kind: 'early' };
  }

  /** A legacy create: its numbers find it. */
  async function findMade(
    { id, type, backend: name, resource, lossy }: OutboxRecord,
    settled: boolean,
    backend: Backend,
    context: RequestContext,
  ): Promise<Finding> {
    const attempt = { writeId: id, backend: name, doubtful: 'ask-only' } as const;
    const request = { interaction: 'create', type, resource, attempt, handling: 'lenient' } as const;
    try {
      const response = await backend.handle({ ...request, ...(lossy ? { lossy } : {}) }, context);
      return { kind: 'done', held: asResource(await readBody(response.body, maxBytes)) ?? resource };
    } catch (error) {
      if (!(error instanceof FicusError) || error.code !== 'not-found') throw error;
      return { kind: settled ? 'not-done' : 'early' };
    }
  }

  /**
   * A legacy update: whatever is there now is what the other side must get. Where nothing can be read, the adapter is
   * asked.
   */
  async function findHeld(
    { id, type, backend: name, resource, lossy }: OutboxRecord,
    resourceId: string,
    backend: Backend,
    context: RequestContext,
  ): Promise<Finding> {
    const named = { type, id: resourceId, handling: 'lenient' } as const;
    try {
      const { body } = await backend.handle({ ...named, interaction: 'read' }, context);
      return { kind: 'done', held: asResource(await readBody(body, maxBytes)) ?? resource };
    } catch (error) {
      if (!(error instanceof FicusError)) throw error;
      if (error.code === 'not-found') return { kind: 'not-done' };
      if (error.code !== 'not-implemented') throw error;
    }
    const attempt = { writeId: id, backend: name, doubtful: 'ask-only' } as const;
    const request = {
      ...named,
      interaction: 'update',
      resource,
      attempt,
      ...(lossy ? { lossy } : {}),
    } as const;
    const { body } = await backend.handle(request, context);
    return { kind: 'done', held: asResource(await readBody(body, maxBytes)) ?? resource };
  }

  return {
    start() {
      unsubscribe();
      unsubscribe = outbox.onDue((head) => {
        if (head.state === 'doubtful') queue.offer(head.id, head.nextAttemptAt);
      });
      outbox.offerAll();
    },
    async stop() {
      unsubscribe();
      stopping.abort();
      await queue.stop();
    },
    settled: (signal) => untilNone(outbox, 'doubtful', signal),
  };
}
