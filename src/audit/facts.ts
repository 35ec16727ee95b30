import type { AuditFact } from '../audit-ports.ts';
import type { AuditAgent, AuditEntry } from '../security-ports.ts';

/** What a fact lacks until it stands in the chain. */
export type NewFact = Omit<AuditFact, 'form' | 'recorded'>;

/**
 * One fact for each patient that an entry concerns, one in all where there is none (IHE BALP 1.1.4, PatientQuery).
 * Empty lists are left out, and so is everything that the type does not name: what is kept for years holds nothing by
 * accident.
 */
export function factsOf(entry: AuditEntry): readonly NewFact[] {
  const { kind, outcome, action, requestId, references, query, errorCode, servedBy, exchanges, details } =
    entry;
  const patients = [...new Set(entry.patients)];
  const fact: NewFact = {
    kind,
    outcome,
    action,
    requestId,
    agent: agentOf(entry.agent),
    ...(references.length === 0 ? {} : { references }),
    ...(query === undefined ? {} : { query: Buffer.from(query).toString('base64') }),
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(servedBy === undefined ? {} : { servedBy }),
    ...(exchanges && exchanges.length > 0 ? { exchanges } : {}),
    ...(details && Object.keys(details).length > 0 ? { details } : {}),
  };
  if (patients.length === 0) return [fact];
  return patients.map((patient) => ({ ...fact, patient }));
}

function agentOf(agent: AuditAgent): AuditAgent {
  const { subject, issuer, client, fhirUser, roles, purposes, tokenId, address } = agent;
  return {
    subject,
    ...(issuer === undefined ? {} : { issuer }),
    ...(client === undefined ? {} : { client }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(roles && roles.length > 0 ? { roles } : {}),
    ...(purposes && purposes.length > 0 ? { purposes } : {}),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(address === undefined || address === '' ? {} : { address }),
  };
}
