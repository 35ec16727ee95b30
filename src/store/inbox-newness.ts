import { DatabaseSync } from 'node:sqlite';
import type { Arrival } from '../feed-ports.ts';

/** What is plainly new, as the side that takes messages knows it: what is filed it looks up, what is safe and not filed yet it remembers. */
export interface Newness {
  /**
   * The names of arrivals that are all plainly new: without a verdict, of senders that are known, and with control ids that nobody has used; undefined when one is
   * not, or when that cannot be told now.
   */
  namesIfNew(arrivals: readonly Arrival[]): ReadonlySet<string> | undefined;
  /** The messages of these names are safe. */
  safe(names: ReadonlySet<string>): void;
  /** All that are safe so far are told to whoever files. */
  told(): void;
  /** What was told first, of all that is not filed yet, is filed. */
  filed(): void;
  /** All is filed. */
  allFiled(): void;
  close(): void;
}

/** @param file path of an inbox that is there. */
export function createNewness(file: string): Newness {
  // Whoever would have to wait for another does not look.
  const database = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  const begin = database.prepare('BEGIN');
  const commit = database.prepare('COMMIT');
  const findSender = database.prepare('SELECT id FROM sender WHERE source = ? AND name = ?');
  const findFirst = database.prepare(
    'SELECT 1 FROM message WHERE sender = ? AND control_id = ? AND first = 1',
  );
  const senders = new Map<string, number>();
  let latest = new Set<string>();
  let waiting: Set<string>[] = [];

  function senderOf(source: string, name: string): number | undefined {
    const key = `${source}\n${name}`;
    const known = senders.get(key);
    if (known !== undefined) return known;
    const row = findSender.get(source, name);
    if (row) senders.set(key, Number(row['id']));
    return row && Number(row['id']);
  }

  function look(arrivals: readonly Arrival[]): ReadonlySet<string> | undefined {
    const names = new Set<string>();
    for (const { source, sender, controlId, verdict } of arrivals) {
      const id = verdict ? undefined : senderOf(source, sender);
      if (id === undefined) return undefined;
      if (controlId === '') continue;
      const name = `${id}\n${controlId}`;
      if (names.has(name) || latest.has(name) || waiting.some((some) => some.has(name))) return undefined;
      if (findFirst.get(id, controlId)) return undefined;
      names.add(name);
    }
    return names;
  }

  return {
    namesIfNew(arrivals) {
      try {
        // One look at the database for all of them.
        begin.run();
        return look(arrivals);
      } catch {
        return undefined;
      } finally {
        if (database.isTransaction) commit.run();
      }
    },
    safe(names) {
      for (const name of names) latest.add(name);
    },
    told() {
      waiting.push(latest);
      latest = new Set();
    },
    filed: () => void waiting.shift(),
    allFiled() {
      waiting = [];
      latest = new Set();
    },
    close: () => database.close(),
  };
}
