import type { Owed, Pins } from '../migration-ports.ts';
import type { OutboxHead } from '../replica-ports.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Clock, Side } from '../ports.ts';

/** Pins that are told of every entry as it comes, changes and goes. */
export interface PinBoard extends Pins {
  put(head: OutboxHead): void;
  take(head: OutboxHead): void;
  /** Whether a resource is on its way to either side. */
  holds(type: string, id: string): boolean;
}

/**
 * Which side is behind for whom: counts of entries by side and patient, by side and resource, by side and type. Every entry pins,
 * whatever its state: also one whose write is still under way, since its side may be done before it says so.
 */
export function createPinBoard(clock: Clock): PinBoard {
  const counts = new Map<string, number>();
  const owing = new Map<string, OutboxHead>();

  function pinsOf({ toward, type, resourceId, patient }: OutboxHead): readonly string[] {
    return [
      `${toward} ${type}`,
      ...(resourceId === undefined ? [] : [`${toward} ${type}/${resourceId}`]),
      ...(patient === undefined ? [] : [`${toward} of ${patient}`]),
    ];
  }

  return {
    put(head) {
      for (const pin of pinsOf(head)) counts.set(pin, (counts.get(pin) ?? 0) + 1);
      owing.set(head.id, head);
    },
    take(head) {
      for (const pin of pinsOf(head)) {
        const left = (counts.get(pin) ?? 1) - 1;
        if (left === 0) counts.delete(pin);
        else counts.set(pin, left);
      }
      owing.delete(head.id);
    },
    holds: (type, id) => counts.has(`legacy ${type}/${id}`) || counts.has(`modern ${type}/${id}`),
    behind(side, { type, id, patient }) {
      if (counts.size === 0) return false;
      if (id === undefined && patient === undefined) return counts.has(`${side} ${type}`);
      return (
        (id !== undefined && counts.has(`${side} ${type}/${id}`)) ||
        (patient !== undefined && counts.has(`${side} of ${patient}`))
      );
    },
    owed: (side, endpoint) => owedOf(owing.values(), side, endpoint, clock.now()),
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
