import type { CaptureLabel } from './capture-store.ts';

/**
 * The labels with the lowest priorities of all that were offered: an even sample, since priorities are drawn evenly.
 */
export interface Lowest {
  get(id: string): CaptureLabel | undefined;
  /** Keeps a label if it is among the lowest: then the ids that had to go for it; undefined: it is not kept. */
  offer(label: CaptureLabel, now: number): readonly string[] | undefined;
  delete(id: string): void;
}

/** How often room is looked for among what has expired, in milliseconds. */
const CLEAN_MS = 60_000;

/** @param most labels kept; a refusal costs the same whatever their number */
export function createLowest(most: number): Lowest {
  const labels = new Map<string, CaptureLabel>();
  /** The highest priority that is kept; undefined: to be found. */
  let highest: CaptureLabel | undefined;
  let cleanAt = 0;

  function remove(id: string): void {
    labels.delete(id);
    if (highest?.id === id) highest = undefined;
  }

  function expire(now: number): string[] {
    if (now < cleanAt) return [];
    cleanAt = now + CLEAN_MS;
    const gone = [...labels.values()].filter(({ expiresAt }) => expiresAt <= now).map(({ id }) => id);
    gone.forEach(remove);
    return gone;
  }

  function findHighest(): CaptureLabel | undefined {
    for (const label of labels.values()) if (!highest || label.priority > highest.priority) highest = label;
    return highest;
  }

  return {
    get: (id) => labels.get(id),
    delete: remove,
    offer(label, now) {
      const full = labels.size >= most && !labels.has(label.id);
      const gone = full ? expire(now) : [];
      if (full && labels.size >= most) {
        const last = findHighest();
        if (!last || last.priority <= label.priority) return undefined;
        remove(last.id);
        gone.push(last.id);
      }
      labels.set(label.id, label);
      if (highest && label.priority >= highest.priority) highest = undefined;
      return gone;
    },
  };
}
