import { describe, expect, it } from 'vitest';
import { knownScopes, scopeInWords, wantsPatient } from '../../../sandbox/authorization/scopes.ts';

describe('the scopes that the sandbox knows', () => {
  it('are those of SMART, versions 1 and 2, each once', () => {
    const asked = 'openid patient/*.rs user/Patient.read openid system/Observation.cruds?category=a%7Cb patient/Observation.* launch/patient'; // prettier-ignore
    expect(knownScopes(asked)).toEqual([
      'openid',
      'patient/*.rs',
      'user/Patient.read',
      'system/Observation.cruds?category=a%7Cb',
      'patient/Observation.*',
      'launch/patient',
    ]);
    expect(knownScopes(undefined)).toEqual([]);
  });

  it.each([
    'patient/Observation.',
    'patient/observation.rs',
    'patient/*.sr',
    'patient/*.rx',
    'group/*.rs',
    'patient/*',
    'launch/other',
    'email',
  ])('are not %s', (scope) => {
    expect(knownScopes(scope)).toEqual([]);
  });

  it('want a patient where they are about one', () => {
    expect(wantsPatient(['launch/patient'])).toBe(true);
    expect(wantsPatient(['patient/Observation.rs'])).toBe(true);
    expect(wantsPatient(['user/*.rs', 'launch', 'openid'])).toBe(false);
  });

  it.each([
    ['patient/Observation.rs?category=http://x|laboratory', 'Read and search Observation records of the chosen patient, only with category laboratory'], // prettier-ignore
    ['user/*.cruds', 'Add, read, change, delete, and search all records that you may see yourself'],
    ['patient/Appointment.write', 'Add, change, and delete Appointment records of the chosen patient'],
    ['offline_access', 'Go on until you take it back, also while you are away'],
  ])('read as sentences: %s', (scope, sentence) => {
    expect(scopeInWords(scope)).toBe(sentence);
  });
});
