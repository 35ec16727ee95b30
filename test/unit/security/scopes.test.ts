import { describe, expect, it } from 'vitest';
import { parseScopes } from '../../../src/security/scopes.ts';
import { parseSearch } from '../../../src/search/parse.ts';
import { options } from '../search/support.ts';

const parse = (scope: string) => parseScopes(scope, (type, pairs) => parseSearch(type, pairs, options()));

/** What is granted, in the words of SMART 2.0. */
const granted = (scope: string): string[] =>
  parse(scope).grants.map(({ context, type, permissions, constraints }) => {
    const asked = constraints.map(
      ({ name, values }) => `${name}=${values.map(({ text }) => text).join(',')}`,
    );
    return `${context}/${type}.${[...permissions].join('')}${asked.length > 0 ? `?${asked.join('&')}` : ''}`;
  });

describe('scopes', () => {
  it.each([
    ['patient/Observation.read', 'patient/Observation.rs'],
    ['user/Observation.write', 'user/Observation.cud'],
    ['system/*.*', 'system/*.cruds'],
    ['patient/Observation.rs', 'patient/Observation.rs'],
    ['patient/*.cruds', 'patient/*.cruds'],
    ['user/Patient.u', 'user/Patient.u'],
    ['patient/Observation.rs?category=laboratory', 'patient/Observation.rs?category=laboratory'],
    [
      'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory&status=final,amended',
      'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory&status=final,amended',
    ],
    ['patient/Observation.rs?code=urn%3Aa%7Cx', 'patient/Observation.rs?code=urn:a|x'],
  ])('%s grants %s', (scope, grant) => {
    expect(granted(scope)).toEqual([grant]);
    expect(parse(scope).refused).toEqual([]);
  });

  it.each([
    'patient/Observation.sr',
    'patient/Observation.rr',
    'patient/Observation.',
    'patient/Observation',
    'patient/Observation.READ',
    'patient/.rs',
    'patient/Nonsense.rs',
    'patient/constructor.rs',
    'Patient/Observation.rs',
    'clinic/Observation.rs',
    'patient/Observation.rs?',
    'patient/Observation.rs?category',
    'patient/Observation.rs?nonsense=1',
    'patient/Observation.rs?category:below=x',
    'patient/Observation.rs?subject:Patient.name=x',
    'patient/Patient.rs?_has:Observation:patient:code=x',
    'patient/Observation.rs?_count=1',
    'patient/Observation.rs?category=x&_include=Observation:subject',
    'patient/Observation.rs?date=ap2024',
    'patient/Observation.rs?category=%E0',
    'patient/Observation.read?category=x',
    'patient/*.rs?category=x',
    'delete-everything',
  ])('%s grants nothing, and is reported', (scope) => {
    const { grants, others, refused } = parse(scope);
    expect([...grants, ...others]).toEqual([]);
    expect(refused.map((it) => it.scope)).toEqual([scope]);
  });

  it('keeps apart what is about no resource, and reads each scope once', () => {
    const { grants, others, refused } = parse(
      ' openid fhirUser launch launch/patient offline_access patient/Patient.r  patient/Patient.r\tprofile',
    );
    expect(grants).toHaveLength(1);
    expect(others).toEqual(['openid', 'fhirUser', 'launch', 'launch/patient', 'offline_access', 'profile']);
    expect(refused).toEqual([]);
  });
});
