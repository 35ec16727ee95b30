import type { AuditFact, AuditStore } from '../audit-ports.ts';
import { factOf, namesOf, ownName } from './chain.ts';

/** What records are found by besides their own columns, as it is kept beside the chain. */
export interface AuditNameIndex {
  has(row: NameRow): boolean;
  /** Rows in all. */
  count(): number;
  rows(): Iterable<NameRow>;
}

/** A reference or the id of a message, and the record that is found by it. */
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
 * Makes the index of a trail anew, and tells where the one that is kept differs: what lacks first, then what is too many. Of a trail whose chain holds.
 *
 * @param store in a state that does not change meanwhile
 */
export function* nameFaults(
  store: Pick<AuditStore, 'after' | 'find'>,
  index: AuditNameIndex,
): Generator<NameFault> {
  let found = 0;
  let sequence = 0;
  for (let page = store.after(0, TOGETHER); page.length > 0; page = store.after(sequence, TOGETHER)) {
    for (const record of page) {
      ({ sequence } = record);
      const fact = factOf(record);
      for (const name of namesOf(fact)) {
        if (index.has({ name, sequence })) found += 1;
        else yield { fault: 'lacks', name, sequence };
      }
      const own = ownName(fact);
      if (own !== undefined && index.has({ name: own, sequence })) found += 1;
    }
  }
  if (index.count() === found) return;
  for (const { name, sequence: of } of index.rows()) {
    const record = store.find(of);
    if (!record || !isNamed(name, factOf(record))) yield { fault: 'too-many', name, sequence: of };
  }
}

function isNamed(name: string, fact: AuditFact): boolean {
  return name === ownName(fact) || namesOf(fact).includes(name);
}

export function summaryOf(faults: readonly NameFault[]): NamesVerdict {
  const lacks = faults.filter(({ fault }) => fault === 'lacks').length;
  return { lacks, tooMany: faults.length - lacks, examples: faults.slice(0, SHOWN) };
}
