import type { OutboxHead } from '../replica-ports.ts';

/**
 * What must be done in order: the entries of one patient, and those of one resource, toward a side. An entry may go
 * when it is the first of all its lanes; the lanes of others go on meanwhile.
 */
export interface Lanes {
  /** Puts an entry in its place, by sequence. */
  add(head: OutboxHead): void;
  /** Takes it out; gives those that are the first of a lane now. */
  remove(head: OutboxHead): readonly OutboxHead[];
  isFirst(head: OutboxHead): boolean;
  /** The entry just before it in every one of its lanes; undefined: there is none, or not the same in all. */
  before(head: OutboxHead): OutboxHead | undefined;
}

/** The lanes of an entry; one that names neither patient nor resource is alone in its own. */
function lanesOf({ id, toward, type, resourceId, patient }: OutboxHead): readonly string[] {
  const lanes = [
    ...(patient === undefined ? [] : [`${toward} Patient/${patient}`]),
    ...(resourceId === undefined ? [] : [`${toward} ${type}/${resourceId}`]),
  ];
  return lanes.length === 0 ? [`${toward} write ${id}`] : [...new Set(lanes)];
}

export function createLanes(): Lanes {
  const queues = new Map<string, OutboxHead[]>();

  const isFirst = (head: OutboxHead): boolean =>
    lanesOf(head).every((lane) => queues.get(lane)?.[0]?.id === head.id);

  return {
    isFirst,
    add(head) {
      for (const lane of lanesOf(head)) {
        const queue = queues.get(lane);
        if (!queue) queues.set(lane, [head]);
        else queue.splice(queue.findLastIndex(({ sequence }) => sequence < head.sequence) + 1, 0, head);
      }
    },
    remove(head) {
      const freed: OutboxHead[] = [];
      for (const lane of lanesOf(head)) {
        const queue = queues.get(lane) ?? [];
        const index = queue.findIndex(({ id }) => id === head.id);
        if (index >= 0) queue.splice(index, 1);
        const [next] = queue;
        if (!next) queues.delete(lane);
        else if (!freed.includes(next)) freed.push(next);
      }
      return freed.filter(isFirst);
    },
    before(head) {
      const found = lanesOf(head).map((lane) => {
        const queue = queues.get(lane) ?? [];
        return queue[queue.findIndex(({ id }) => id === head.id) - 1];
      });
      const [first] = found;
      return found.every((one) => one?.id === first?.id) ? first : undefined;
    },
  };
}
