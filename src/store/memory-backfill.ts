import type { BackfillJob, BackfillStore } from '../replica-ports.ts';

/** Fills of new backends, forgotten when the process ends. */
export function createMemoryBackfillStore(): BackfillStore {
  const jobs = new Map<string, BackfillJob>();
  const lists = new Map<string, readonly string[]>();
  return {
    async create(job, patients) {
      jobs.set(job.id, job);
      lists.set(job.id, [...patients]);
    },
    list: async () =>
      [...jobs.values()].toSorted((a, b) => b.createdAt.localeCompare(a.createdAt) || (a.id < b.id ? -1 : 1)),
    find: async (id) => jobs.get(id),
    patients: async (id, from, limit) => lists.get(id)?.slice(from, from + limit) ?? [],
    async save(job) {
      if (jobs.has(job.id)) jobs.set(job.id, job);
    },
  };
}
