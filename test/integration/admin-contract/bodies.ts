import { SIGNED } from './desk.ts';

/** A consent that denies all. */
export const CONSENT = {
  by: 'officer',
  consent: {
    resourceType: 'Consent',
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/a' },
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTOUT' }] },
  },
};

/** Bodies that fit what operations take; others take what is signed. */
export const BODIES: Readonly<Record<string, object>> = {
  setRoute: { ...SIGNED, stage: 'legacy' },
  openSample: { ...SIGNED, role: 'clinical' },
  setCohort: { ...SIGNED, cohort: { percent: 1 } },
  setOwners: { ...SIGNED, owners: {} },
  waive: { ...SIGNED, gate: 'latency', days: 1 },
  startBackfill: { ...SIGNED, patients: ['x'] },
  replayMessages: { ...SIGNED, seqs: [1] },
  reviewGlassCase: { by: 'officer', verdict: 'justified', note: 'a test' },
  setConsent: CONSENT,
  acknowledgeAlert: { by: 'officer', note: 'a test' },
};
