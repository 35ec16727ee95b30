import { FicusError } from '../errors.ts';
import type { Endpoint, Resource } from '../fhir/types.ts';
import type { Assignment, OutboxHead, OutboxRecord } from '../replica-ports.ts';
import type { Backend, Clock, Logger, RequestContext, Side, WriteAttempt } from '../ports.ts';
import type { KeyedLock } from '../resilience/keyed-lock.ts';
import { createBackground } from './background.ts';
import { referencesOf, release, withoutServerMeta } from './content.ts';
import type { Outbox } from './outbox-port.ts';
import { putModern } from './put-modern.ts';
import { lockOf } from './sides.ts';
import type { SidesOf } from './sides.ts';
import { SetbackError, nextTry, setbackOf, setbackOfAnswer } from './verdict.ts';
import type { BackOff, Setback } from './verdict.ts';
import { untilNone } from './until-none.ts';
import { createWorkQueue } from './work-queue.ts';

export interface DeliveryOptions extends BackOff {
  readonly outbox: Outbox;
  /** By name, with their Layers. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly sides: SidesOf;
  /** The legacy key behind a FHIR id; undefined: none is known. */
  readonly keyOf: (type: string, id: string) => Promise<string | undefined>;
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly log: Logger;
  /** Deliveries at once, for each side. */
  readonly concurrency: number;
  /** Failures before an owner must decide. Those of a side that takes nothing at all do not count. */
  readonly attempts: number;
  /** Longest that one delivery waits, in milliseconds (default 30 s). */
  readonly deliveryMs?: number;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

/** Takes what one side has accepted to the other. */
export interface Delivery {
  start(): void;
  /** Takes nothing new; resolves when what is under way has ended. */
  stop(): Promise<void>;
  /** Tries everything now; resolves when nothing is left that can be delivered (true), or the signal aborts (false). */
  drain(signal: AbortSignal): Promise<boolean>;
}

/** Longest that a stop waits for what is under way. */
const STOP_MS = 2_000;

/** What of an entry reached the other side. */
interface Arrived {
  readonly assignment?: Assignment;
  readonly leftOut?: readonly string[];
}

/**
 * Delivers at least once, in the order of acceptance for each patient and resource, others meanwhile. Toward modern a
 * PUT under our id, with what the authoritative side now holds; toward legacy through its mapping, with the numbers of
 * the client's write, so that a repeat is found instead of doubled.
 */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { outbox, backends, sides, keyOf, locks, clock, log, concurrency, deliveryMs = 30_000 } = options;
  const { random = Math.random } = options;
  const background = createBackground({ name: 'ficus:outbox', ms: deliveryMs, clock, log });
  const queueToward = { legacy: queue(), modern: queue() };
  const stopping = new AbortController();
  const never = new AbortController().signal;
  /** Sides that took nothing when they were last asked. */
  const out = new Set<Side>();
  let unsubscribe = (): void => {};

  function queue() {
    return createWorkQueue({ clock, concurrency, work: deliverOne });
  }

  async function deliverOne(id: string): Promise<void> {
    const head = outbox.head(id);
    if (head?.state !== 'pending' || !outbox.isFirst(head)) return;
    const letGo = outbox.hold(id);
    try {
      const unlock = await locks.acquire(
        lockOf(head.toward, head.type, head.resourceId ?? id),
        never,
        stopped,
      );
      try {
        await attempt(head);
      } finally {
        unlock();
      }
    } catch (error) {
      // The store itself: nothing is known to have changed, and the entry is as it was.
      log.error('the outbox failed', { endpoint: head.endpoint, error });
      clock.after(options.maxRetryMs, () => outbox.offerAll());
    } finally {
      letGo();
    }
  }

  async function attempt(head: OutboxHead): Promise<void> {
    const entry = await outbox.find(head.id);
    if (!entry) return;
    let arrived: Arrived;
    try {
      arrived = await background.run(
        (context) =>
          entry.toward === 'modern' ? towardModern(entry, context) : towardLegacy(entry, context),
        stopping.signal,
      );
    } catch (error) {
      if (stopping.signal.aborted) return;
      await setBack(outbox.head(head.id) ?? head, setbackOf(error));
      return;
    }
    await outbox.delivered(head.id, arrived);
    // The others need not wait for the end of their pause.
    if (out.delete(head.toward)) queueToward[head.toward].hurry();
  }

  async function setBack(head: OutboxHead, { kind, words }: Setback): Promise<void> {
    const failures = head.attempts + (kind === 'failure' ? 1 : 0);
    log.warn('a write was not delivered', {
      endpoint: head.endpoint,
      to: head.toward,
      kind,
      attempt: failures,
      reason: words,
    });
    if (kind === 'outage') out.add(head.toward);
    if (kind === 'refusal' || failures >= options.attempts) return outbox.die(head.id, words, failures);
    const since = kind === 'outage' ? outageTries(head) : failures;
    await outbox.note(head.id, {
      attempts: failures,
      lastError: words,
      nextAttemptAt: nextTry(options, since, clock, random),
    });
  }

  /** The pause of an outage grows with its length: as many tries as have doubled into the time since acceptance. */
  function outageTries({ acceptedAt }: OutboxHead): number {
    return Math.ceil(Math.log2(Math.max(1, (clock.now() - acceptedAt) / options.firstRetryMs))) + 1;
  }

  function backendOf(endpoint: Endpoint, side: Side): Backend {
    const name = sides(endpoint)[side];
    const backend = name === undefined ? undefined : backends.get(name);
    if (!backend) throw new SetbackError({ kind: 'failure', words: `${endpoint} has no ${side} backend` });
    return backend;
  }

  async function towardModern(entry: OutboxRecord, context: RequestContext): Promise<Arrived> {
    const { endpoint, type, resourceId: id } = entry;
    if (id === undefined) throw new SetbackError({ kind: 'refusal', words: 'the legacy side gave it no id' });
    const modern = backendOf(endpoint, 'modern');
    const now = entry.from === 'legacy' ? await heldByLegacy(entry, id, context) : entry.resource;
    await putModern(modern, { type, id }, now, context);
    return {};
  }

  /** What legacy made of it, read anew; what it answered then, where it cannot be read. */
  async function heldByLegacy(entry: OutboxRecord, id: string, context: RequestContext): Promise<Resource> {
    const legacy = backends.get(entry.backend) ?? backendOf(entry.endpoint, 'legacy');
    try {
      const request = { interaction: 'read', type: entry.type, id, handling: 'lenient' } as const;
      const { body } = await legacy.handle(request, context);
      if (body.kind === 'resource') return body.resource;
      release(body);
      return entry.resource;
    } catch (error) {
      if (error instanceof FicusError && error.code === 'not-implemented') return entry.resource;
      // A core may take a while until it finds what it has accepted.
      if (error instanceof FicusError && error.code === 'not-found') {
        throw new SetbackError({ kind: 'failure', words: 'the legacy side does not find what it accepted' });
      }
      throw error;
    }
  }

  async function towardLegacy(entry: OutboxRecord, context: RequestContext): Promise<Arrived> {
    const { id, endpoint, type, resourceId } = entry;
    const name = sides(endpoint).legacy;
    const legacy = backendOf(endpoint, 'legacy');
    const key = resourceId === undefined ? undefined : await keyOf(type, resourceId);
    if (key === undefined && outbox.deadBefore(entry).some(({ sent }) => sent)) {
      const words =
        'an older write of this resource may have reached the legacy side; it has to be decided first';
      throw new SetbackError({ kind: 'failure', words });
    }
    // On disk before it leaves: whoever delivers it next asks first.
    if (!entry.sent) await outbox.note(id, { sent: true });
    const attempt: WriteAttempt = {
      writeId: id,
      ...(name === undefined ? {} : { backend: name }),
      ...(entry.sent ? { doubtful: 'ask-then-send' } : {}),
    };
    const resource = withoutServerMeta(entry.resource);
    const write = { type, handling: 'lenient', lossy: true, attempt } as const;
    const response = await legacy
      .handle(
        key === undefined || resourceId === undefined
          ? { ...write, interaction: 'create', resource }
          : { ...write, interaction: 'update', id: resourceId, resource },
        context,
      )
      .catch((error: unknown) => {
        throw isWaiting(error, entry) ? waiting() : error;
      });
    const setback = setbackOfAnswer(response, 'legacy');
    if (setback) throw new SetbackError(setback);
    const made = response.body.kind === 'resource' ? response.body.resource.id : undefined;
    release(response.body);
    const leftOut = [
      ...new Set((response.issues ?? []).flatMap(({ expression }) => (expression ?? []).map(plainPath))),
    ];
    const assignment = key === undefined ? await assignmentOf(type, resourceId, made) : undefined;
    return { leftOut, ...(assignment ? { assignment } : {}) };
  }

  async function assignmentOf(
    type: string,
    id: string | undefined,
    made: string | undefined,
  ): Promise<Assignment | undefined> {
    if (id === undefined || made === undefined || made === id) return undefined;
    const key = await keyOf(type, made);
    return key === undefined ? undefined : { type, id, key };
  }

  /** Whether legacy refused a reference to something that it is still to be told of. */
  function isWaiting(error: unknown, { resource }: OutboxRecord): boolean {
    if (!(error instanceof FicusError) || error.code !== 'value-invalid') return false;
    return referencesOf(resource).some((reference) => {
      const [type = '', id = ''] = reference.split('/');
      return outbox.pins.behind('legacy', { type, id });
    });
  }

  return {
    start() {
      unsubscribe();
      unsubscribe = outbox.onDue((head) => {
        if (head.state === 'pending') queueToward[head.toward].offer(head.id, head.nextAttemptAt);
      });
      outbox.offerAll();
    },
    async stop() {
      unsubscribe();
      // What is under way may end; a repeat would have to ask after it.
      const cancel = clock.after(STOP_MS, () => stopping.abort());
      await Promise.all(Object.values(queueToward).map((one) => one.stop()));
      cancel();
    },
    drain(signal) {
      for (const one of Object.values(queueToward)) one.hurry();
      return untilNone(outbox, 'pending', signal);
    },
  };
}

/** `Appointment.slot[0]` as `Appointment.slot`. */
function plainPath(path: string): string {
  return path.replaceAll(/\[\d+\]/g, '');
}

function waiting(): SetbackError {
  return new SetbackError({
    kind: 'outage',
    words: 'it refers to something that the legacy side is still to be told of',
  });
}

function stopped(): Error {
  return new FicusError('unavailable', 'The outbox is stopping.');
}
