import type { AuditAnchor, AuditFilter, AuditHead, AuditRecord, AuditStore } from '../audit-ports.ts';

/** An audit trail that lives and dies with the process. */
export function createMemoryAuditStore(): AuditStore {
  let records: readonly AuditRecord[] = [];
  let head: AuditHead = { sequence: 0, hash: '0'.repeat(64), at: 0 };
  const anchors: AuditAnchor[] = [];
  const cursors = new Map<string, number>();
  const find = (sequence: number): AuditRecord | undefined =>
    records.find((record) => record.sequence === sequence);

  return {
    append(make) {
      const made = make(head);
      for (const [index, { sequence }] of made.entries()) {
        if (sequence !== head.sequence + 1 + index) throw new Error('a record follows the last one');
      }
      records = [...records, ...made];
      head = made.at(-1) ?? head;
    },
    head: () => ({ sequence: head.sequence, hash: head.hash, at: head.at }),
    find,
    list: (filter, limit, before = Infinity) =>
      records
        .filter((record) => record.sequence < before && isWanted(record, filter))
        .toReversed()
        .slice(0, limit),
    after: (sequence, limit) => records.filter((record) => record.sequence > sequence).slice(0, limit),
    count: () => records.length,
    anchors: () => [...anchors],
    lastBefore: (at) => records.findLast((record) => record.at < at),
    purge(sequence, at) {
      const last = find(sequence);
      if (!last) return undefined;
      const gone = records.filter((record) => record.sequence <= sequence);
      const { hash, at: to } = last;
      const anchor = { sequence, hash, count: gone.length, from: gone[0]!.at, to, at };
      anchors.push(anchor);
      records = records.filter((record) => record.sequence > sequence);
      return anchor;
    },
    cursor: (follower) => cursors.get(follower) ?? 0,
    advance: (follower, to) => void cursors.set(follower, Math.max(to, cursors.get(follower) ?? 0)),
    close: () => {},
  };
}

function isWanted({ at, keys, names = () => [] }: AuditRecord, filter: AuditFilter): boolean {
  const { kinds, from = 0, to = Infinity, patient, name, identifier, ...exact } = filter;
  const own = keys.patient === undefined ? undefined : `Patient/${keys.patient}`;
  if (at < from || at > to || (kinds && !kinds.includes(keys.kind))) return false;
  if (patient !== undefined && patient !== keys.patient && keys.fhirUser !== `Patient/${patient}`)
    return false;
  if (name !== undefined && name !== own && !names().includes(name)) return false;
  if (identifier !== undefined && identifier !== keys.requestId && !names().includes(identifier))
    return false;
  return Object.entries(exact).every(
    ([key, value]) => value === undefined || keys[key as keyof typeof keys] === value,
  );
}
