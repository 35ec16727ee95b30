import { FicusError } from '../../../errors.ts';
import type { DeadCopy, FollowerStore } from '../../../follower-ports.ts';

/** What a service refused: kept on disk until its owner has decided, or it was brought after all. */
export interface DeadCopies {
  /** Takes up what the last process left. */
  open(): void;
  /** Writes one down, or anew. Throws what the store throws; then it is as if it had not been tried. */
  bury(one: DeadCopy): void;
  /** Forgets one, if there is one. */
  exhume(type: string, id: string): void;
  /** @throws FicusError `not-found` */
  one(type: string, id: string): DeadCopy;
  /** Version of the resource that was refused; 0: none is dead. */
  version(type: string, id: string): number;
  all(): readonly DeadCopy[];
}

/** @param copy name of the copy */
export function createDeadCopies(
  copy: string,
  store: Pick<FollowerStore, 'dead' | 'bury' | 'exhume'>,
): DeadCopies {
  const dead = new Map<string, DeadCopy>();
  const nameOf = (type: string, id: string): string => `${type}/${id}`;
  return {
    open() {
      for (const one of store.dead(copy)) dead.set(nameOf(one.type, one.id), one);
    },
    bury(one) {
      store.bury(one);
      dead.set(nameOf(one.type, one.id), one);
    },
    exhume(type, id) {
      if (!dead.has(nameOf(type, id))) return;
      store.exhume(copy, type, id);
      dead.delete(nameOf(type, id));
    },
    one(type, id) {
      const one = dead.get(nameOf(type, id));
      if (one) return one;
      throw new FicusError('not-found', 'There is no such resource among those that were refused.');
    },
    version: (type, id) => dead.get(nameOf(type, id))?.version ?? 0,
    all: () => [...dead.values()],
  };
}
