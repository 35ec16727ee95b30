import type { Resource } from '../../src/fhir/types.ts';
import { AUTHORITIES, type Scene } from './hl7v2-core.ts';

export const NEW_PATIENT: Resource = {
  resourceType: 'Patient',
  active: true,
  name: [{ use: 'official', family: 'Bär', given: ['Zoë'] }],
  birthDate: '1990-02',
  gender: 'female',
};

export const ORDER: Resource = {
  resourceType: 'ServiceRequest',
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/HOSP|100001' },
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
};

/** Where visits have a backend, too, and numbers that the core knows them by. */
export const VISITS = {
  readable: (type: string): boolean => type === 'Patient' || type === 'Encounter',
  authorities: [
    ...AUTHORITIES,
    { name: 'ENC', namespaces: ['VISIT'], system: 'http://hospix.example/visit-numbers' },
  ],
};

/** A segment of a patient as the core keeps it, as it would write it. */
export function kept(scene: Scene, number: string, segment: 'pid' | 'pd1' | 'zpi' = 'pid'): string[] {
  const patient = scene.core.hospital().patients.find(number, 'HOSP');
  const fields = patient?.[segment]?.fields ?? [];
  return fields.map((field) => field.map((cx) => cx.map((leaf) => leaf.join('&')).join('^')).join('~'));
}

export function identifiers(resource: Resource): string[] {
  return (resource['identifier'] as { system?: string; value: string }[]).map(
    ({ system, value }) => `${system}|${value}`,
  );
}
