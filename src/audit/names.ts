import type { AuditRecord, AuditStore } from '../audit-ports.ts';
import { factOf, namesOf } from './chain.ts';

/** What records are found by, as it is kept beside the chain. */
export interface AuditNameIndex {
  /** Number of the last record that is found by it; those behind are looked at one by one. */
  last(): number;
  has(row: NameRow): boolean;
  /** Rows in all, but for what is being written. */
  count(): number;
  /** @returns with each whether it stands where its record is looked for */
  rows(): Iterable<NameRow & { readonly placed: boolean }>;
}

/** A name (a reference, the id of a message, request, patient, user or token), and the record that is found by it. */
export interface NameRow {
  readonly name: string;
  readonly sequence: number;
}

/** A row that is not there, or that no record gives cause for. */
export interface NameFault extends NameRow {
  readonly fault: 'lacks' | 'too-many';
}

/** How the index differs from what the records say. */
export interface NamesVerdict {
  readonly lacks: number;
  readonly tooMany: number;
  /** The first of them. */
  readonly examples: readonly NameFault[];
}

/** Records that are read at a time. */
const TOGETHER = 1_000;
const SHOWN = 20;

/**
 * What stands for an index that says it knows of records that are not there: it would keep them from being looked at.
 */
const END = 'the end of the index';

/**
 * Makes the index of a trail anew, and tells where the one that is kept differs: what lacks first, then what is too
 * many. Of a trail whose chain holds.
 *
 * @param store in a state that does not change meanwhile
 */
export function* nameFaults(
  store: Pick<AuditStore, 'after' | 'find' | 'head'>,
  index: AuditNameIndex,
): Generator<NameFault> {
  const end = index.last();
  if (end > store.head().sequence) yield { fault: 'too-many', name: END, sequence: end };
  let found = 0;
  let sequence = 0;
  for (let page = store.after(0, TOGETHER); page.length > 0; page = store.after(sequence, TOGETHER)) {
    if (page[0]!.sequence > end) break;
    for (const record of page) {
      ({ sequence } = record);
      if (sequence > end) break;
      for (const name of foundBy(record)) {
        if (index.has({ name, sequence })) found += 1;
        else yield { fault: 'lacks', name, sequence };
      }
    }
  }
  if (index.count() === found) return;
  for (const { name, sequence: of, placed } of index.rows()) {
    const record = store.find(of);
    if (!placed || !record || !foundBy(record).has(name)) yield { fault: 'too-many', name, sequence: of };
  }
}

/** Everything that a record is found by. */
function foundBy(record: AuditRecord): ReadonlySet<string> {
  const { requestId, patient, fhirUser, tokenId } = record.keys;
  const keys = [requestId, patient, fhirUser, tokenId].filter((key) => key !== undefined);
  return new Set([...keys, ...namesOf(factOf(record))]);
}

export function summaryOf(faults: readonly NameFault[]): NamesVerdict {
  const lacks = faults.filter(({ fault }) => fault === 'lacks').length;
  return { lacks, tooMany: faults.length - lacks, examples: faults.slice(0, SHOWN) };
}
