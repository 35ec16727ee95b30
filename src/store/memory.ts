import type { CrosswalkStore, IdempotencyStore, Route, RouteStore, WriteRecord } from '../ports.ts';
import { createAssignments } from './assignments.ts';
import type { Assignments } from './assignments.ts';

/** Routes that are forgotten when the process ends: for tests and throw-away instances. */
export function createMemoryRouteStore(): RouteStore {
  const routes = new Map<string, Route[]>();
  return {
    load: async () =>
      [...routes.values()]
        .flatMap((versions) => versions.slice(-1))
        .toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1)),
    history: async (endpoint) => [...(routes.get(endpoint) ?? [])],
    async append(route) {
      const versions = routes.get(route.endpoint) ?? [];
      if (route.version !== (versions.at(-1)?.version ?? 0) + 1) return false;
      routes.set(route.endpoint, [...versions, route]);
      return true;
    },
  };
}

/** Outcomes of writes that are forgotten when the process ends. */
export function createMemoryIdempotencyStore(): IdempotencyStore {
  const records = new Map<string, WriteRecord>();
  return {
    async claim(key, record, now) {
      for (const [other, { expiresAt }] of records) if (expiresAt <= now) records.delete(other);
      const existing = records.get(key);
      if (!existing) records.set(key, record);
      return existing;
    },
    async takeOver(key, from, to) {
      const existing = records.get(key);
      if (existing?.state !== from.state || existing.runningUntil !== from.runningUntil) return false;
      records.set(key, to);
      return true;
    },
    async settle(key, record) {
      records.set(key, record);
    },
    async release(key) {
      records.delete(key);
    },
  };
}

/**
 * Ids and keys that are forgotten when the process ends.
 * @param assignments shared with the outbox, which assigns as it delivers
 */
export function createMemoryCrosswalkStore(assignments: Assignments = createAssignments()): CrosswalkStore {
  const entries = new Map<string, { type: string; key: string }>();
  return {
    async remember(added) {
      for (const { id, type, key } of added) if (!entries.has(id)) entries.set(id, { type, key });
    },
    find: async (id) => entries.get(id),
    async assign(entry) {
      if (assignments.isFree(entry)) assignments.put(entry);
    },
    assignedId: (type, key) => assignments.idOf(type, key),
    assignedKey: (type, id) => assignments.keyOf(type, id),
  };
}
