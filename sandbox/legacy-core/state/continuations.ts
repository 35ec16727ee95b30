import { randomUUID } from 'node:crypto';
import type { Patient } from './patients.ts';

const KEPT = 200;

/** Query results that wait to be fetched in pages. */
export interface Continuations {
  /** Opens one and gives its id. */
  open(key: string, patients: readonly Patient[]): string;
  get(id: string, key: string): readonly Patient[] | undefined;
  cancel(key: string): void;
  clear(): void;
}

/** At most 200 open queries; the oldest is given up first. */
export function createContinuations(): Continuations {
  const open = new Map<string, { key: string; patients: readonly Patient[] }>();
  return {
    open(key, patients) {
      const id = randomUUID().slice(0, 13);
      open.set(id, { key, patients });
      const [oldest] = open.keys();
      if (open.size > KEPT && oldest !== undefined) open.delete(oldest);
      return id;
    },
    get(id, key) {
      const entry = open.get(id);
      return entry?.key === key ? entry.patients : undefined;
    },
    cancel(key) {
      for (const [id, entry] of open) if (entry.key === key) open.delete(id);
    },
    clear: () => open.clear(),
  };
}
