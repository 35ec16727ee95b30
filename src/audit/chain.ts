import { hash } from 'node:crypto';
import type { AuditFact, AuditHead, AuditKeys, AuditRecord } from '../audit-ports.ts';
import type { AuditKind } from '../security-ports.ts';

/** What the first record is hashed onto. */
export const BEGINNING = '0'.repeat(64);

/** SHA-256 over the hash before it, the sequence and the body, in hex. */
export function hashOf(before: string, sequence: number, body: string): string {
  return hash('sha256', `${before}\n${sequence}\n${body}`, 'hex');
}

/**
 * Links facts onto the end of the chain. Time never goes back in it: a clock that was put back stands still here.
 *
 * @param now epoch milliseconds
 */
export function link(
  head: AuditHead,
  facts: readonly Omit<AuditFact, 'form' | 'recorded'>[],
  now: number,
): AuditRecord[] {
  const at = Math.max(head.at, now);
  const recorded = new Date(at).toISOString();
  let { sequence, hash: before } = head;
  return facts.map((fact) => {
    const whole: AuditFact = { form: 1, recorded, ...fact };
    const body = JSON.stringify(whole);
    sequence += 1;
    before = hashOf(before, sequence, body);
    return { sequence, at, body, hash: before, keys: keysOf(whole), names: namesOf(whole) };
  });
}

/**
 * What a fact is found by besides: references without version, and ids of messages. The patient that it concerns is not
 * among them, for whoever is looked for by name is looked for among the patients, too.
 */
export function namesOf({ references = [], exchanges = [], patient }: AuditFact): string[] {
  const own = patient === undefined ? undefined : `Patient/${patient}`;
  const current = references.map(withoutVersion).filter((name) => name !== own);
  return [...new Set([...current, ...exchanges.map(({ messageId }) => messageId)])];
}

function withoutVersion(reference: string): string {
  return reference.split('/_history/', 1)[0]!;
}

/** The fact of a record. */
export function factOf({ body }: Pick<AuditRecord, 'body'>): AuditFact {
  return JSON.parse(body) as AuditFact;
}

/**
 * FHIR R4 AuditEvent.action by what happened: anything that neither makes, reads, changes nor removes data is executed.
 */
const ACTIONS: Readonly<Record<AuditKind, AuditKeys['action']>> = {
  create: 'C',
  read: 'R',
  update: 'U',
  delete: 'D',
  query: 'E',
  everything: 'E',
  history: 'R',
  export: 'R',
  token: 'E',
  refused: 'E',
  'security-alert': 'E',
  'break-glass': 'E',
  'break-glass-review': 'E',
  'consent-change': 'U',
  'route-change': 'U',
  'mapping-change': 'U',
  'sample-opened': 'R',
  'message-opened': 'R',
  admin: 'E',
  'audit-read': 'R',
};

/** FHIR R4 AuditEvent.outcome. */
const OUTCOMES: Readonly<Record<AuditFact['outcome'], AuditKeys['outcome']>> = {
  success: '0',
  refused: '4',
  failed: '8',
};

/** What a fact is found by. */
export function keysOf(fact: AuditFact): AuditKeys {
  const { kind, agent, patient, requestId } = fact;
  const { subject, fhirUser, client, tokenId } = agent;
  return {
    kind,
    action: ACTIONS[kind],
    outcome: OUTCOMES[fact.outcome],
    subject,
    requestId,
    ...(patient === undefined ? {} : { patient }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(client === undefined ? {} : { client }),
    ...(tokenId === undefined ? {} : { tokenId }),
  };
}
