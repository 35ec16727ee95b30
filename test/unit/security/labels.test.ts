import { describe, expect, it } from 'vitest';
import { confidentialityOf, openTo } from '../../../src/security/labels.ts';
import { ACT, RULES, accessOf, labelled } from './confidentiality-support.ts';

describe('how confidential a resource is', () => {
  it.each([
    ['no label', { resourceType: 'Observation' }, 'N'],
    ['normal', labelled('N'), 'N'],
    ['low', labelled('L'), 'L'],
    ['restricted', labelled('R'), 'R'],
    ['very restricted', labelled('V'), 'V'],
    ['a code that the system does not have', labelled('PSY'), 'R'],
    ['a sensitivity', labelled('ETHUD', ACT), 'R'],
    ['a handling instruction', labelled('PERSISTLABEL', ACT), 'N'],
    [
      'made by a machine',
      labelled('AIAST', 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue'),
      'N',
    ],
    ['a legacy code as it came', labelled('V', 'http://terminology.hl7.org/CodeSystem/v2-0177'), 'V'],
    ['usual control of a document', labelled('U', 'http://terminology.hl7.org/CodeSystem/v2-0272'), 'N'],
    ['a system that nobody knows', labelled('N', 'http://elsewhere.example'), 'R'],
    ['a label of the site', labelled('STAFF', 'http://hospital.example/labels'), 'M'],
    ['a stricter one of the site', labelled('VAULT', 'http://hospital.example/labels'), 'V'],
    ['a code named like what every object has', labelled('constructor'), 'R'],
    [
      'a label without a code',
      { resourceType: 'Observation', meta: { security: [{ display: 'secret' }] } },
      'R',
    ],
    [
      'the highest of several',
      {
        resourceType: 'Observation',
        meta: { security: [...labelsOf('N'), ...labelsOf('V'), ...labelsOf('R')] },
      },
      'V',
    ],
    [
      'securityLabel of a document',
      { resourceType: 'DocumentReference', securityLabel: [{ coding: labelsOf('R') }] },
      'R',
    ],
    [
      'securityLabel in words',
      { resourceType: 'DocumentReference', securityLabel: [{ text: 'secret' }] },
      'R',
    ],
    ['confidentiality of a Composition', { resourceType: 'Composition', confidentiality: 'V' }, 'V'],
    [
      'what is contained',
      { resourceType: 'Observation', meta: { security: labelsOf('L') }, contained: [labelled('V')] },
      'V',
    ],
  ] as const)('%s', (_name, resource, level) => {
    expect(confidentialityOf(structuredClone(resource) as never, RULES)).toBe(level);
  });
});

function labelsOf(code: string) {
  return [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code }];
}

describe('what a caller is given', () => {
  it.each([
    ['nothing beyond normal without a purpose', { purposes: [] }, 'N'],
    ['nothing for a purpose that is not listed', { purposes: ['HMARKT'] }, 'N'],
    ['what the purpose opens', { purposes: ['TREAT'] }, 'R'],
    ['the most of several purposes', { purposes: ['HMARKT', 'BTG', 'TREAT'] }, 'V'],
    ['what its application is given', { purposes: [], client: 'registry' }, 'V'],
    ['nothing for a purpose named like what every object has', { purposes: ['constructor'] }, 'N'],
  ] as const)('%s', (_name, access, level) => {
    expect(openTo(accessOf(access), RULES)).toBe(level);
  });
});
