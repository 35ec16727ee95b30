import type { Concern, Owed, Pins } from '../migration-ports.ts';
import type { OutboxHead } from '../replica-ports.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Clock, Side } from '../ports.ts';

/** Pins that are told of every entry as it comes, changes and goes. */
export interface PinBoard extends Pins {
  put(head: OutboxHead): void;
  take(head: OutboxHead): void;
  /** Something was put, taken, or both: whoever waits for an arrival looks again. */
  changed(): void;
  /** Whether a resource is on its way to either side. */
  holds(type: string, id: string): boolean;
}

/**
 * Which side is behind for whom: counts of entries by side and patient, by side and resource, by side and type. Every
 * entry pins, whatever its state: also one whose write is still under way, since its side may be done before it says
 * so.
 */
export function createPinBoard(clock: Clock): PinBoard {
  const behind = createCounts();
  const heldUp = createCounts();
  const owing = new Map<string, OutboxHead>();
  /** Ids of what was given up. */
  const givenUp = new Set<string>();
  const waiting = new Set<() => void>();

  function look(): void {
    for (const one of waiting) one();
  }

  return {
    put(head) {
      behind.add(head, 1);
      if (isHeldUp(head)) heldUp.add(head, 1);
      owing.set(head.id, head);
    },
    take(head) {
      behind.add(head, -1);
      if (isHeldUp(head) || givenUp.delete(head.id)) heldUp.add(head, -1);
      owing.delete(head.id);
    },
    changed: look,
    holds: (type, id) => behind.has('legacy', { type, id }) || behind.has('modern', { type, id }),
    behind: (side, what) => behind.has(side, what),
    arrival: (side, what, signal) =>
      new Promise((resolve) => {
        const one = (): void => {
          if (!signal.aborted && behind.has(side, what) && !heldUp.has(side, what)) return;
          waiting.delete(one);
          signal.removeEventListener('abort', one);
          resolve();
        };
        waiting.add(one);
        signal.addEventListener('abort', one, { once: true });
        one();
      }),
    giveUp(side, what) {
      if (what.id === undefined && what.patient === undefined) return;
      for (const head of owing.values()) {
        if (isHeldUp(head) || givenUp.has(head.id) || !concerns(head, side, what)) continue;
        givenUp.add(head.id);
        heldUp.add(head, 1);
      }
      look();
    },
    owed: (side, endpoint) => owedOf(owing.values(), side, endpoint, clock.now()),
  };
}

function concerns(head: OutboxHead, side: Side, { type, id, patient }: Concern): boolean {
  if (head.toward !== side) return false;
  return (
    (id !== undefined && head.type === type && head.resourceId === id) ||
    (patient !== undefined && head.patient === patient)
  );
}

/** Not delivered when it was tried, or not known to be done: nobody can say when it will arrive. */
function isHeldUp({ state, lastError }: OutboxHead): boolean {
  return lastError !== undefined || state === 'dead' || state === 'doubtful';
}

/** How many entries are owed to a side: of a type, of a resource, of a patient. */
function createCounts() {
  const counts = new Map<string, number>();

  function keysOf({ toward, type, resourceId, patient }: OutboxHead): readonly string[] {
    return [
      `${toward} ${type}`,
      ...(resourceId === undefined ? [] : [`${toward} ${type}/${resourceId}`]),
      ...(patient === undefined ? [] : [`${toward} of ${patient}`]),
    ];
  }

  return {
    add(head: OutboxHead, one: 1 | -1): void {
      for (const key of keysOf(head)) {
        const now = (counts.get(key) ?? 0) + one;
        if (now === 0) counts.delete(key);
        else counts.set(key, now);
      }
    },
    has(side: Side, { type, id, patient }: Concern): boolean {
      if (counts.size === 0) return false;
      if (id === undefined && patient === undefined) return counts.has(`${side} ${type}`);
      return (
        (id !== undefined && counts.has(`${side} ${type}/${id}`)) ||
        (patient !== undefined && counts.has(`${side} of ${patient}`))
      );
    },
  };
}

/** What a side is owed: writes that are under way count once their outcome is known, or known to be unknown. */
function owedOf(heads: Iterable<OutboxHead>, side: Side, endpoint: Endpoint | undefined, now: number): Owed {
  let count = 0;
  let dead = 0;
  let oldest = now;
  for (const head of heads) {
    if (head.toward !== side || head.state === 'intended') continue;
    if (endpoint !== undefined && head.endpoint !== endpoint) continue;
    count += 1;
    if (head.state === 'dead') dead += 1;
    oldest = Math.min(oldest, head.acceptedAt);
  }
  return { count, dead, oldestMs: now - oldest };
}
