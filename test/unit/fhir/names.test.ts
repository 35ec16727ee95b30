import { describe, expect, it } from 'vitest';
import { endpointNamed } from '../../../src/fhir/endpoint.ts';
import { isFhirId } from '../../../src/fhir/id.ts';

describe('The name of an endpoint', () => {
  it('is its type and its interaction', () => {
    expect(endpointNamed('Patient', 'read')).toBe('Patient.read');
    expect(endpointNamed('Patient', 'search')).toBe('Patient.search');
    expect(endpointNamed('Observation', 'read')).toBe('Observation.read');
    expect(endpointNamed('Patient', 'read')).toBe('Patient.read');
  });

  it('is right of more types than there are', () => {
    for (const round of [1, 2])
      for (let nth = 0; nth < 400; nth += 1)
        expect(endpointNamed(`Made${nth}`, 'update'), `round ${round}`).toBe(`Made${nth}.update`);
  });
});

describe('The id of a resource', () => {
  const DEFINED = /^[A-Za-z0-9\-.]{1,64}$/;

  it('is of the characters that FHIR allows, and no others', () => {
    for (let code = 0; code < 0x180; code += 1) {
      const text = `a${String.fromCharCode(code)}`;
      expect(isFhirId(text), `U+${code.toString(16)}`).toBe(DEFINED.test(text));
    }
  });

  it('has one to 64 of them', () => {
    for (const length of [0, 1, 63, 64, 65, 1_000])
      expect(isFhirId('x'.repeat(length))).toBe(length > 0 && length <= 64);
    expect(isFhirId('\u{1F600}')).toBe(false);
  });
});
