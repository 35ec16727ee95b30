import type { Principal } from '../ports.ts';
import type { AuditAgent } from '../security-ports.ts';

/** Who did it, as the trail knows them. @param address network address of the peer */
export function agentOf({ access, client }: Principal, address: string | undefined): AuditAgent {
  // Without a token nobody is known, whatever they call themselves.
  const agent: { -readonly [Name in keyof AuditAgent]: AuditAgent[Name] } = { subject: access?.subject ?? 'anonymous' }; // prettier-ignore
  if (access) {
    agent.issuer = access.issuer;
    agent.tokenId = access.tokenId;
    agent.roles = access.roles;
    agent.purposes = access.purposes;
    if (access.fhirUser !== undefined) agent.fhirUser = access.fhirUser;
    if (access.patient !== undefined) agent.inContext = access.patient;
  }
  const application = access?.client ?? client;
  if (application !== undefined) agent.client = application;
  if (address !== undefined) agent.address = address;
  return agent;
}
