import type { Principal } from '../ports.ts';
import type { AuditAgent } from '../security-ports.ts';

/** Who did it, as the trail knows them. @param address network address of the peer */
export function agentOf({ access, client }: Principal, address: string | undefined): AuditAgent {
  const where = address === undefined ? {} : { address };
  const application = access?.client ?? client;
  const who = { ...(application === undefined ? {} : { client: application }), ...where };
  // Without a token nobody is known, whatever they call themselves.
  if (!access) return { subject: 'anonymous', ...who };
  const { subject, issuer, fhirUser, roles, purposes, tokenId, patient } = access;
  return {
    subject,
    issuer,
    tokenId,
    roles,
    purposes,
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(patient === undefined ? {} : { inContext: patient }),
    ...who,
  };
}
