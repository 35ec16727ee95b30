import type { Resource } from '../../../src/fhir/types.ts';
import type { Access } from '../../../src/security-ports.ts';

export const V3 = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
export const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

export const RULES = {
  purposes: { TREAT: 'R', ETREAT: 'R', BTG: 'V' },
  clients: { registry: 'V' },
  codes: { 'http://hospital.example/labels|STAFF': 'M', 'http://hospital.example/labels|VAULT': 'V' },
} as const;

/** A clinician at work, unless something else is said. */
export function accessOf(other: Partial<Access> = {}): Access {
  return {
    grants: [],
    fhirUser: 'Practitioner/p1',
    purposes: ['TREAT'],
    mayBreakGlass: false,
    roles: [],
    issuer: 'https://login.example',
    subject: 'dr-one',
    tokenId: 't1',
    ...other,
  };
}

export function labelled(code: string, system = V3, type = 'Observation'): Resource {
  return { resourceType: type, id: 'x', meta: { security: [{ system, code }] } };
}
