import type { AuditEntry, AuditKind } from '../../../src/security-ports.ts';

/** An entry of a nurse who reads an observation, but for what is said. */
export function entry(changes: Partial<AuditEntry> = {}): AuditEntry {
  return {
    kind: 'read',
    outcome: 'success',
    agent: {
      subject: 'nurse-7',
      issuer: 'https://issuer.example',
      client: 'ward-board',
      fhirUser: 'Practitioner/17',
      tokenId: 'jti-1',
      purposes: ['TREAT'],
      address: '192.0.2.7',
    },
    requestId: 'request-1',
    action: 'Observation.read',
    patients: ['p1'],
    references: ['Observation/o1'],
    servedBy: 'legacy:core',
    ...changes,
  };
}

export const KINDS: readonly AuditKind[] = [
  'create',
  'read',
  'update',
  'delete',
  'query',
  'history',
  'everything',
  'export',
  'token',
  'refused',
  'security-alert',
  'break-glass',
  'break-glass-review',
  'consent-change',
  'route-change',
  'mapping-change',
  'sample-opened',
  'message-opened',
  'admin',
  'audit-read',
];
