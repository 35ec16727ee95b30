import type { AuditKeys } from '../../audit-ports.ts';
import type { ReadyFact } from '../../audit/chain.ts';

/**
 * Facts as they go from one thread to another: texts in a row, for each fact its own and those that it is found by. An
 * object for each would be taken apart and put together name by name.
 */
export type HandedOver = readonly (string | undefined)[];

/** Texts of one fact. */
const WIDTH = 10;

export function handOver(facts: readonly ReadyFact[]): HandedOver {
  const row: (string | undefined)[] = [];
  for (const { text, keys } of facts) {
    const { kind, action, outcome, subject, requestId, patient, fhirUser, client, tokenId } = keys;
    row.push(text, kind, action, outcome, subject, requestId, patient, fhirUser, client, tokenId);
  }
  return row;
}

export function takeOver(row: HandedOver): ReadyFact[] {
  const facts: ReadyFact[] = [];
  for (let at = 0; at < row.length; at += WIDTH) {
    facts.push({
      text: row[at]!,
      keys: {
        kind: row[at + 1] as AuditKeys['kind'],
        action: row[at + 2] as AuditKeys['action'],
        outcome: row[at + 3] as AuditKeys['outcome'],
        subject: row[at + 4]!,
        requestId: row[at + 5]!,
        patient: row[at + 6],
        fhirUser: row[at + 7],
        client: row[at + 8],
        tokenId: row[at + 9],
      },
    });
  }
  return facts;
}
