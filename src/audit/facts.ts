import type { AuditFact } from '../audit-ports.ts';
import type { AuditAgent, AuditEntry } from '../security-ports.ts';

/** What a fact lacks until it stands in the chain. */
export type NewFact = Omit<AuditFact, 'form' | 'recorded'>;

/** While it is put together: every answer waits for this, and spreading what may be absent costs several times as much. */
type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/**
 * One fact for each patient that an entry concerns, one in all where there is none (IHE BALP 1.1.4, PatientQuery).
 * Empty lists are left out, and so is everything that the type does not name: what is kept for years holds nothing by
 * accident.
 */
export function factsOf(entry: AuditEntry): readonly NewFact[] {
  const { kind, outcome, action, requestId, references, query, errorCode, servedBy, exchanges, details } =
    entry;
  const fact: Writable<NewFact> = { kind, outcome, action, requestId, agent: agentOf(entry.agent) };
  if (references.length > 0) fact.references = references;
  if (query !== undefined) fact.query = Buffer.from(query).toString('base64');
  if (errorCode !== undefined) fact.errorCode = errorCode;
  if (servedBy !== undefined) fact.servedBy = servedBy;
  if (exchanges && exchanges.length > 0) fact.exchanges = exchanges;
  if (details && Object.keys(details).length > 0) fact.details = details;
  const [first] = entry.patients;
  if (first === undefined) return [fact];
  if (entry.patients.length > 1)
    return Array.from(new Set(entry.patients), (patient) => ({ ...fact, patient }));
  fact.patient = first;
  return [fact];
}

function agentOf(agent: AuditAgent): AuditAgent {
  const { subject, issuer, client, fhirUser, roles, purposes, tokenId, address } = agent;
  const named: Writable<AuditAgent> = { subject };
  if (issuer !== undefined) named.issuer = issuer;
  if (client !== undefined) named.client = client;
  if (fhirUser !== undefined) named.fhirUser = fhirUser;
  if (roles && roles.length > 0) named.roles = roles;
  if (purposes && purposes.length > 0) named.purposes = purposes;
  if (tokenId !== undefined) named.tokenId = tokenId;
  if (address !== undefined && address !== '') named.address = address;
  return named;
}
