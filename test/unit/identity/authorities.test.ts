import { describe, expect, it } from 'vitest';
import { createAuthorities } from '../../../src/identity/authorities.ts';

const hosp = {
  name: 'HOSP',
  namespaces: ['HOSPITAL', 'MPI'],
  oid: '2.999.1.1',
  system: 'https://hospital.example/mrn',
};
const clinic = { name: 'CLINIC', namespaces: [], system: 'urn:oid:2.999.1.2' };
const authorities = createAuthorities([hosp, clinic]);

describe('an assigning authority', () => {
  it.each([
    [{ name: 'HOSP' }, hosp],
    [{ namespace: 'HOSP' }, hosp],
    [{ namespace: 'MPI' }, hosp],
    [{ oid: '2.999.1.1' }, hosp],
    [{ system: 'https://hospital.example/mrn' }, hosp],
    [{ system: 'urn:oid:2.999.1.1' }, hosp],
    [{ namespace: 'HOSPITAL', oid: '2.999.1.1' }, hosp],
    [{ oid: '2.999.1.2' }, clinic],
  ])('is found by %j', (hint, authority) => {
    expect(authorities.find(hint)).toBe(authority);
    expect(authorities.require(hint)).toBe(authority);
  });

  it.each([
    [{}],
    [{ namespace: 'hospital' }],
    [{ namespace: 'MPI', oid: '2.999.1.2' }],
    [{ namespace: 'HOSP', oid: '2.999.7' }],
    [{ system: 'https://hospital.example/mrn/' }],
  ])('is never guessed from %j', (hint) => {
    expect(authorities.find(hint)).toBeUndefined();
    expect(() => authorities.require(hint)).toThrow(expect.objectContaining({ code: 'unmappable' }));
  });
});

describe('the registry', () => {
  it('names everything that two authorities claim, and every malformed name, at once', () => {
    const broken = [
      hosp,
      { name: 'HOSP', namespaces: [], system: 'https://other.example' },
      { name: 'A|B', namespaces: ['MPI'], oid: '2.999.1.1', system: 'https://hospital.example/mrn' },
    ];
    expect(() => createAuthorities(broken)).toThrow(
      expect.objectContaining({
        code: 'invalid',
        issues: expect.arrayContaining(
          [
            /"HOSP" is there twice/,
            /"A\|B" is not/,
            /namespace "MPI"/,
            /oid "2.999.1.1"/,
            /system "https:\/\/hospital/,
          ].map((text) => expect.objectContaining({ diagnostics: expect.stringMatching(text) })),
        ),
      }),
    );
  });
});
