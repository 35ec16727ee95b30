import { describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../../src/fhir/types.ts';
import type { Access } from '../../../src/security-ports.ts';
import { decideConsent, readConsent } from '../../../src/security/consent.ts';
import type { ReadConsent } from '../../../src/security/consent.ts';
import { accessOf } from './confidentiality-support.ts';

const NOW = Date.parse('2026-05-05T12:00:00Z');
const reason = (code: string) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code });
const recipient = (reference: JsonObject) => ({
  role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
  reference,
});

function consent(provision?: JsonObject, policy = 'OPTIN', more: JsonObject = {}): Resource {
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/a' },
    dateTime: '2026-01-01',
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: policy }] },
    ...(provision ? { provision } : {}),
    ...more,
  };
}

function read(resource: Resource): ReadConsent {
  const found = readConsent(resource);
  if ('issues' in found) throw new Error(found.issues.map(({ diagnostics }) => diagnostics).join('\n'));
  return found;
}

const EXCEPT_BTG = { type: 'deny', provision: [{ type: 'permit', purpose: [reason('BTG')] }] };

describe('a consent', () => {
  const decide = (resource: Resource, access: Partial<Access> = {}) =>
    decideConsent('a', [read(resource)], accessOf(access), NOW, 'permit');

  it('permits by OPTIN and denies by OPTOUT where no provision speaks', () => {
    expect(decide(consent())).toBe('permit');
    expect(decide(consent(undefined, 'OPTOUT'))).toBe('deny');
  });

  it('that is withdrawn says nothing', () => {
    expect(decide(consent(undefined, 'OPTOUT', { status: 'inactive' }))).toBe('permit');
  });

  it('that denies all but BTG can be broken through, by one who does', () => {
    expect(decide(consent(EXCEPT_BTG))).toBe('break-glass');
    expect(decide(consent(EXCEPT_BTG), { purposes: ['TREAT', 'BTG'] })).toBe('permit');
    expect(decide(consent({ type: 'deny' }), { purposes: ['TREAT', 'BTG'] })).toBe('deny');
  });

  it('speaks of purposes', () => {
    const research = consent({ type: 'deny', purpose: [reason('HRESCH')] });
    expect(decide(research, { purposes: ['HRESCH'] })).toBe('deny');
    expect(decide(research, { purposes: ['TREAT'] })).toBe('permit');
  });

  it('speaks of a person and of an application', () => {
    const person = consent({ type: 'deny', actor: [recipient({ reference: 'Practitioner/p1' })] });
    expect(decide(person)).toBe('deny');
    expect(decide(person, { fhirUser: 'Practitioner/p2' })).toBe('permit');
    const app = consent(
      { type: 'permit', actor: [recipient({ type: 'Device', identifier: { value: 'kiosk' } })] },
      'OPTOUT',
    );
    expect(decide(app, { client: 'kiosk' })).toBe('permit');
    expect(decide(app, { client: 'other' })).toBe('deny');
    expect(decide(app)).toBe('deny');
  });

  it('holds in its period', () => {
    const of = (period: JsonObject) => decide(consent({ type: 'deny', period }));
    expect(of({ start: '2026-05-05T12:00:00Z' })).toBe('deny');
    expect(of({ start: '2026-05-05T14:00:01+02:00' })).toBe('permit');
    expect(of({ end: '2026-05-05T11:59:59Z' })).toBe('permit');
  });

  it('lets the denial count where exceptions contradict each other', () => {
    const both = consent({
      type: 'permit',
      provision: [
        { type: 'deny', actor: [recipient({ reference: 'Practitioner/p1' })] },
        { type: 'permit', purpose: [reason('TREAT')] },
      ],
    });
    expect(decide(both)).toBe('deny');
  });

  it('never keeps a patient from its own data', () => {
    expect(decide(consent(undefined, 'OPTOUT'), { fhirUser: 'Patient/a' })).toBe('permit');
    expect(decide(consent(undefined, 'OPTOUT'), { fhirUser: 'Patient/b' })).toBe('deny');
  });

  it('of several the denial counts, and a glass breaks only what each of them lets break', () => {
    const of = (...all: Resource[]) => decideConsent('a', all.map(read), accessOf(), NOW, 'permit');
    expect(of(consent(), consent(undefined, 'OPTOUT'))).toBe('deny');
    expect(of(consent(), consent(EXCEPT_BTG))).toBe('break-glass');
    expect(of(consent(undefined, 'OPTOUT'), consent(EXCEPT_BTG))).toBe('deny');
  });

  it('is not needed where the site says what holds without one', () => {
    expect(decideConsent('a', [], accessOf(), NOW, 'deny')).toBe('deny');
    expect(decideConsent('a', [], accessOf(), NOW, 'break-glass')).toBe('break-glass');
    expect(decideConsent('a', [], accessOf({ purposes: ['BTG'] }), NOW, 'break-glass')).toBe('permit');
  });
});

describe('a consent that Ficus cannot enforce in every word is refused', () => {
  it.each<[string, Resource, string]>([
    [
      'a provision about labels',
      consent({ type: 'deny', securityLabel: [{ code: 'R' }] }),
      'Consent.provision.securityLabel',
    ],
    [
      'a provision about types',
      consent({ type: 'deny', class: [{ code: 'Observation' }] }),
      'Consent.provision.class',
    ],
    [
      'a provision about actions',
      consent({ type: 'deny', action: [{ text: 'x' }] }),
      'Consent.provision.action',
    ],
    [
      'an exception about data',
      consent({ type: 'deny', provision: [{ type: 'permit', data: [] }] }),
      'Consent.provision.provision[0].data',
    ],
    ['a provision without a type', consent({ purpose: [reason('TREAT')] }), 'Consent.provision.type'],
    [
      'a purpose of another system',
      consent({ type: 'deny', purpose: [{ code: 'TREAT' }] }),
      'Consent.provision.purpose[0]',
    ],
    [
      'an organisation',
      consent({ type: 'deny', actor: [recipient({ reference: 'Organization/o' })] }),
      'Consent.provision.actor[0].reference',
    ],
    [
      'a role that is no recipient',
      consent({
        type: 'deny',
        actor: [{ role: { text: 'nurse' }, reference: { reference: 'Practitioner/p' } }],
      }),
      'Consent.provision.actor[0].role',
    ],
    [
      'a period that begins with a day',
      consent({ type: 'deny', period: { start: '2026-01-01' } }),
      'Consent.provision.period.start',
    ],
    ['another policy', consent(undefined, 'INFASO'), 'Consent.policyRule'],
    ['a draft', consent(undefined, 'OPTIN', { status: 'draft' }), 'Consent.status'],
    ['no patient', consent(undefined, 'OPTIN', { patient: { display: 'Ada' } }), 'Consent.patient'],
    [
      'a patient elsewhere',
      consent(undefined, 'OPTIN', { patient: { reference: 'https://x.example/Patient/a' } }),
      'Consent.patient',
    ],
    ['an extension', consent(undefined, 'OPTIN', { extension: [] }), 'Consent.extension'],
    ['an extension of a primitive', consent(undefined, 'OPTIN', { _status: {} }), 'Consent._status'],
    ['a modifier', consent(undefined, 'OPTIN', { modifierExtension: [] }), 'Consent.modifierExtension'],
  ])('%s', (_name, resource, expression) => {
    const found = readConsent(resource);
    expect('issues' in found && found.issues.flatMap((issue) => issue.expression)).toContain(expression);
  });
});
