import type { Assignment } from '../replica-ports.ts';

/** Ids made on the modern side and their legacy keys, both ways, in memory. */
export interface Assignments {
  /** Whether neither half has another one already. */
  isFree(assignment: Assignment): boolean;
  put(assignment: Assignment): void;
  idOf(type: string, key: string): string | undefined;
  keyOf(type: string, id: string): string | undefined;
}

export function createAssignments(): Assignments {
  const ids = new Map<string, string>();
  const keys = new Map<string, string>();
  return {
    isFree: ({ type, id, key }) => !keys.has(`${type}/${id}`) && !ids.has(`${type}/${key}`),
    put({ type, id, key }) {
      ids.set(`${type}/${key}`, id);
      keys.set(`${type}/${id}`, key);
    },
    idOf: (type, key) => ids.get(`${type}/${key}`),
    keyOf: (type, id) => keys.get(`${type}/${id}`),
  };
}
