import { hash } from 'node:crypto';
import type { AuditFact, AuditHead, AuditKeys, AuditRecord } from '../audit-ports.ts';
import type { AuditKind } from '../security-ports.ts';
import type { NewFact } from './facts.ts';

/** What the first record is hashed onto. */
export const BEGINNING = '0'.repeat(64);

/** SHA-256 over the hash before it, the sequence and the body, in hex. */
export function hashOf(before: string, sequence: number, body: string): string {
  return hash('sha256', `${before}\n${sequence}\n${body}`, 'hex');
}

/**
 * A fact that is ready to be linked: its JSON text, and what it is found by. Whoever links it, in a thread of its own,
 * need not take it apart and write it once more, which was a third of what a record costs there.
 */
export interface ReadyFact {
  readonly text: string;
  readonly keys: AuditKeys;
}

export function ready(fact: NewFact): ReadyFact {
  return { text: JSON.stringify(fact), keys: keysOf(fact) };
}

/**
 * Links facts onto the end of the chain. Time never goes back in it: a clock that was put back stands still here.
 *
 * @param now epoch milliseconds
 */
export function link(head: AuditHead, facts: readonly NewFact[], now: number): AuditRecord[] {
  return linkReady(head, facts.map(ready), now);
}

/** As `link`. */
export function linkReady(head: AuditHead, facts: readonly ReadyFact[], now: number): AuditRecord[] {
  const at = Math.max(head.at, now);
  const beginning = `{"form":1,"recorded":"${new Date(at).toISOString()}",`;
  let { sequence, hash: before } = head;
  return facts.map(({ text, keys }) => {
    // A fact has members: what follows the brace of its text goes on behind those of the chain.
    const body = beginning + text.slice(1);
    sequence += 1;
    before = hashOf(before, sequence, body);
    const names = (): readonly string[] => namesOf(JSON.parse(body) as AuditFact);
    return { sequence, at, body, hash: before, keys, names };
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
export function keysOf(fact: NewFact): AuditKeys {
  const { kind, agent, patient, requestId } = fact;
  const { subject, fhirUser, client, tokenId } = agent;
  const [action, outcome] = [ACTIONS[kind], OUTCOMES[fact.outcome]];
  return { kind, action, outcome, subject, requestId, patient, fhirUser, client, tokenId };
}
