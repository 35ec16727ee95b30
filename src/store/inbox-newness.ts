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
   * that nobody has used; undefined when one is not, or when that cannot be told now.
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
}

/**
 * Control ids of each sender. Those of a while are in sets of their own, which go when it is filed: in one set that
 * stays, and so grows old, each id, and the message that it is a part of, would be kept until the next full collection.
 */
type Names = ReadonlyMap<Sender, ReadonlySet<string>>;

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
  /** Of what is safe and nobody was told of, and of what was told each time and is not filed. */
  let latest = new Map<Sender, Set<string>>();
  let waiting: Names[] = [];

  /** Of what is filed alone. */
  function isFiled(sender: Sender, controlId: string): boolean {
    if (isBeyond(controlId, sender.top)) return false;
    // One look at the database for all that have to be looked up.
    if (!database.isTransaction) begin.run();
    sender.top ??= String(findTop.get(sender.id)!['top'] ?? '');
    return !isBeyond(controlId, sender.top) && findFirst.get(sender.id, controlId) !== undefined;
  }

  function isSafe(sender: Sender, controlId: string): boolean {
    if (latest.get(sender)?.has(controlId)) return true;
    for (const told of waiting) if (told.get(sender)?.has(controlId)) return true;
    return false;
  }

  function look(arrivals: readonly Arrival[]): Names | undefined {
    const names = new Map<Sender, Set<string>>();
    for (const { source, sender: name, controlId, verdict } of arrivals) {
      const sender = verdict ? undefined : senders.find(source, name);
      if (sender === undefined) return undefined;
      if (controlId === '') continue;
      const others = setOf(names, sender);
      const before = others.size;
      if (others.add(controlId).size === before) return undefined;
      if (isSafe(sender, controlId) || isFiled(sender, controlId)) return undefined;
    }
    return names;
  }

  return {
    namesIfNew(arrivals) {
      try {
        return look(arrivals);
      } catch {
        return undefined;
      } finally {
        if (database.isTransaction) commit.run();
      }
    },
    safe(names) {
      for (const [sender, ids] of names) {
        const all = setOf(latest, sender);
        for (const id of ids) all.add(id);
      }
    },
    told() {
      waiting.push(latest);
      latest = new Map();
    },
    filed() {
      for (const [sender, ids] of waiting.shift() ?? [])
        for (const id of ids) if (sender.top !== undefined && id > sender.top) sender.top = id;
    },
    allFiled() {
      waiting = [];
      latest = new Map();
      senders.forgetTops();
    },
    close: () => database.close(),
  };
}

function setOf(names: Map<Sender, Set<string>>, sender: Sender): Set<string> {
  const known = names.get(sender);
  if (known) return known;
  const ids = new Set<string>();
  names.set(sender, ids);
  return ids;
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
      const sender: Sender = { id: Number(row['id']), top: undefined };
      const named = bySource.get(source) ?? new Map<string, Sender>();
      bySource.set(source, named.set(name, sender));
      return sender;
    },
    forgetTops(): void {
      for (const named of bySource.values()) for (const sender of named.values()) sender.top = undefined;
    },
  };
}
