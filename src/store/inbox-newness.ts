import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import type { Arrival } from '../feed-ports.ts';

/**
 * What is plainly new, as the side that takes messages knows it: what is filed it looks up, what is safe and not filed
 * yet it remembers.
 */
export interface Newness {
  /**
   * The names of arrivals that are all plainly new: without a verdict, of senders that are known, and with control ids
   * that nobody has used; undefined when one is not, or when that cannot be told now. From now on they are used. When
   * nobody knows whether the messages are safe, they stay so until all is filed.
   */
  namesIfNew(arrivals: readonly Arrival[]): Names | undefined;
  /** The messages of these names are safe. */
  safe(names: Names): void;
  /** All that are safe so far are told to whoever files. */
  told(): void;
  /** What was told first, of all that is not filed yet, is filed. */
  filed(): void;
  /** All is filed, with what else was. */
  allFiled(): void;
  close(): void;
}

interface Sender {
  readonly id: number;
  /**
   * One of ASCII that is greater than this control id is greater than all that is filed; `''` before the first;
   * undefined when it is to be looked up.
   */
  top: string | undefined;
  /** Control ids that are used, of what is not filed. */
  readonly unfiled: Set<string>;
}

interface Named {
  readonly sender: Sender;
  readonly controlId: string;
}
type Names = readonly Named[];

/** Whether these are greater than any text is the same in the order of bytes and in that of characters. */
const ASCII = /^[\0-\x7f]*$/;

/**
 * What is greater than all that is filed of its sender is not among it: that spares most looks at the database, for
 * most senders count, or write the time first.
 *
 * @param file path of an inbox that is there
 */
export function createNewness(file: string): Newness {
  // Whoever would have to wait for another does not look.
  const database = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  const begin = database.prepare('BEGIN');
  const commit = database.prepare('COMMIT');
  const findSender = database.prepare('SELECT id FROM sender WHERE source = ? AND name = ?');
  const findTop = database.prepare(
    'SELECT max(control_id) AS top FROM message WHERE sender = ? AND first = 1',
  );
  const findFirst = database.prepare(
    'SELECT 1 FROM message WHERE sender = ? AND control_id = ? AND first = 1',
  );
  const senders = createSenders(findSender);
  /** Names of what is safe and nobody was told of, and of what was told each time and is not filed. */
  let latest: Names[] = [];
  let waiting: Names[][] = [];

  /** Of what is filed alone. */
  function isFiled(sender: Sender, controlId: string): boolean {
    if (isBeyond(controlId, sender.top)) return false;
    // One look at the database for all that have to be looked up.
    if (!database.isTransaction) begin.run();
    sender.top ??= String(findTop.get(sender.id)!['top'] ?? '');
    return !isBeyond(controlId, sender.top) && findFirst.get(sender.id, controlId) !== undefined;
  }

  /** False when it was used before. */
  function use({ unfiled }: Sender, controlId: string): boolean {
    const before = unfiled.size;
    return unfiled.add(controlId).size > before;
  }

  /** Whether all are plainly new. @param names of those of them that are used now, also when it is false */
  function useAll(arrivals: readonly Arrival[], names: Named[]): boolean {
    for (const { source, sender: name, controlId, verdict } of arrivals) {
      const sender = verdict ? undefined : senders.find(source, name);
      if (sender === undefined) return false;
      if (controlId === '') continue;
      if (!use(sender, controlId)) return false;
      names.push({ sender, controlId });
      if (isFiled(sender, controlId)) return false;
    }
    return true;
  }

  function unuse(names: Names): void {
    for (const { sender, controlId } of names) sender.unfiled.delete(controlId);
  }

  return {
    namesIfNew(arrivals) {
      const names: Named[] = [];
      let isNew = false;
      try {
        isNew = useAll(arrivals, names);
      } catch {
        // It cannot be told.
      } finally {
        if (database.isTransaction) commit.run();
      }
      if (isNew) return names;
      unuse(names);
      return undefined;
    },
    safe: (names) => void latest.push(names),
    told() {
      waiting.push(latest);
      latest = [];
    },
    filed() {
      for (const names of waiting.shift() ?? []) {
        unuse(names);
        for (const { sender, controlId } of names)
          if (sender.top !== undefined && controlId > sender.top) sender.top = controlId;
      }
    },
    allFiled() {
      waiting = [];
      latest = [];
      senders.allFiled();
    },
    close: () => database.close(),
  };
}

function isBeyond(controlId: string, top: string | undefined): boolean {
  return top !== undefined && controlId > top && ASCII.test(controlId);
}

/** Those that the database knows. */
function createSenders(find: StatementSync) {
  const bySource = new Map<string, Map<string, Sender>>();
  return {
    find(source: string, name: string): Sender | undefined {
      const known = bySource.get(source)?.get(name);
      if (known) return known;
      const row = find.get(source, name);
      if (!row) return undefined;
      const sender: Sender = { id: Number(row['id']), top: undefined, unfiled: new Set() };
      const named = bySource.get(source) ?? new Map<string, Sender>();
      bySource.set(source, named.set(name, sender));
      return sender;
    },
    allFiled(): void {
      for (const named of bySource.values())
        for (const sender of named.values()) {
          sender.top = undefined;
          sender.unfiled.clear();
        }
    },
  };
}
