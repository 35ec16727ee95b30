import { setTimeout as sleep } from 'node:timers/promises';

/** Something that is due at a time of the schedule, in milliseconds from its beginning. */
interface Due<K> {
  readonly kind: K;
  readonly atMs: number;
}

/**
 * The schedule of an open loop: what is due when, in order. Requests are sent when they are due, however long the ones
 * before take: a service that stalls is not asked less, as a waiting client would ask it.
 * @param perSecond of each kind; not more than a thousand in all
 */
export function* schedule<K extends string>(
  perSecond: Readonly<Record<K, number>>,
  seconds: number,
): Generator<Due<K>> {
  const kinds = (Object.keys(perSecond) as K[]).filter((kind) => perSecond[kind] > 0);
  // Kinds begin half a step apart, so that they do not all fall together.
  const next = new Map(kinds.map((kind, i): [K, number] => [kind, (i * 500) / perSecond[kind]]));
  for (;;) {
    let first: Due<K> | undefined;
    for (const [kind, atMs] of next) if (!first || atMs < first.atMs) first = { kind, atMs };
    if (!first || first.atMs >= seconds * 1_000) return;
    next.set(first.kind, first.atMs + 1_000 / perSecond[first.kind]);
    yield first;
  }
}

/**
 * Calls `send` for everything on the schedule, at its time, without waiting for what it begins. Resolves when all has
 * been sent, or at the abort.
 * @param send gets the time by `performance.now()` at which it was due: what a latency counts from
 */
export async function follow<K>(
  due: Iterable<Due<K>>,
  send: (kind: K, dueAt: number) => unknown,
  signal?: AbortSignal,
): Promise<void> {
  const started = performance.now();
  for (const { kind, atMs } of due) {
    const dueAt = started + atMs;
    const early = dueAt - performance.now();
    // Timers are exact to about a millisecond; what is due sooner than that goes at once.
    if (early > 1) await sleep(early, undefined, signal ? { signal } : {}).catch(() => {});
    if (signal?.aborted) return;
    send(kind, dueAt);
  }
}

/** Nobody asks a service that does not answer without drawing breath. */
const BREATH_MS = 100;

/**
 * The closed loop: so many at once, each begins again when its last has ended, until the time is up. Resolves when all
 * have ended.
 * @param send resolves with whether there was an answer
 */
export async function inTurn(
  readers: number,
  seconds: number,
  send: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  const until = performance.now() + seconds * 1_000;
  const isOver = (): boolean => signal?.aborted === true || performance.now() >= until;
  const reader = async (): Promise<void> => {
    while (!isOver()) if (!(await send())) await sleep(BREATH_MS);
  };
  await Promise.all(Array.from({ length: readers }, reader));
}
