import type { OutboxCount, OutboxHead, OutboxRecord, OutboxStore, ReplicaStore } from '../replica-ports.ts';
import type { Side } from '../ports.ts';
import type { Assignments } from './assignments.ts';

/** An outbox that is forgotten when the process ends: for tests and throw-away instances. */
export function createMemoryOutboxStore(assignments: Assignments, replicas: ReplicaStore): OutboxStore {
  const entries = new Map<string, OutboxRecord>();
  const over = new Map<string, { resourceId?: string; from: Side; at: number }>();
  const counted = new Map<string, OutboxCount>();
  const next = (): number => Math.max(0, ...[...entries.values()].map(({ sequence }) => sequence)) + 1;

  function count({ endpoint, toward }: OutboxHead, name: OutboxCount['name']): void {
    const key = `${endpoint} ${toward} ${name}`;
    counted.set(key, { endpoint, toward, name, count: (counted.get(key)?.count ?? 0) + 1 });
  }

  function end(
    entry: OutboxRecord,
    how: 'delivered' | 'refused' | 'superseded' | 'discarded',
    at: number,
  ): void {
    entries.delete(entry.id);
    count(entry, how);
    const { id, resourceId, from } = entry;
    if (how !== 'refused') over.set(id, { from, at, ...(resourceId === undefined ? {} : { resourceId }) });
  }

  return {
    load: async () => [...entries.values()].toSorted((a, b) => a.sequence - b.sequence).map(headOf),
    find: async (id) => entries.get(id),
    async add(entry, name) {
      if (entries.has(entry.id)) throw new Error('an entry with this id is there already');
      const record = { ...entry, sequence: next() };
      entries.set(entry.id, record);
      if (name) count(record, name);
      return record.sequence;
    },
    async change(id, changes, also = {}) {
      const entry = entries.get(id);
      if (!entry) return undefined;
      const record = { ...entry, ...changes, sequence: also.newest ? next() : entry.sequence };
      entries.set(id, record);
      if (also.counted) count(record, also.counted);
      return record.sequence;
    },
    async end(id, ending) {
      const entry = entries.get(id);
      if (!entry) return false;
      end(entry, ending.how, ending.at);
      for (const other of ending.supersedes ?? []) {
        const older = entries.get(other);
        if (older) end(older, 'superseded', ending.at);
      }
      for (const path of ending.leftOut ?? []) count(entry, `left out ${path}`);
      const { assignment } = ending;
      if (assignment && assignments.isFree(assignment)) assignments.put(assignment);
      if (ending.replica) await replicas.put(ending.replica);
      return true;
    },
    async ended(id) {
      const found = over.get(id);
      if (!found) return undefined;
      const { at: _at, ...rest } = found;
      return rest;
    },
    async forget(before) {
      for (const [id, { at }] of over) if (at < before) over.delete(id);
    },
    counts: async () => [...counted.keys()].toSorted().map((key) => counted.get(key)!),
  };
}

function headOf({ resource: _resource, ...head }: OutboxRecord): OutboxHead {
  return head;
}
