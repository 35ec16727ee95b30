import { describe, expect, it } from 'vitest';
import type { Principal } from '../../../src/ports.ts';
import { createBreakGlass } from '../../../src/security/break-glass.ts';
import type { Access } from '../../../src/security-ports.ts';
import { accessOf } from './confidentiality-support.ts';

const breakGlass = createBreakGlass({ roles: ['emergency'], clients: ['ambulance'] });
const caller = (access: Partial<Access> = {}): Principal => ({
  key: 'k',
  access: accessOf({ roles: ['emergency'], ...access }),
});
const ASKED = { 'purpose-of-use': 'BTG', 'break-glass-reason': 'Unconscious, no history known' };

describe('breaking the glass', () => {
  it('adds the purpose and the reason, and shares nothing with those in front of the glass', () => {
    const before = breakGlass({}, caller());
    expect(before.access).toMatchObject({ mayBreakGlass: true, purposes: ['TREAT'] });
    const after = breakGlass(ASKED, caller());
    expect(after.access).toMatchObject({
      purposes: ['TREAT', 'BTG'],
      breakGlassReason: 'Unconscious, no history known',
    });
    expect(after.key).not.toBe(before.key);
  });

  it('takes a reason in any language', () => {
    const reason = Buffer.from('Bewußtlos, 救急').toString('latin1');
    expect(breakGlass({ ...ASKED, 'break-glass-reason': reason }, caller()).access?.breakGlassReason).toBe(
      'Bewußtlos, 救急',
    );
  });

  it.each<[string, Partial<Access>]>([
    ['a role that may not', { roles: ['nurse'] }],
    ['a patient', { fhirUser: 'Patient/p' }],
    ['a related person', { fhirUser: 'RelatedPerson/p' }],
    ['nobody in person', { fhirUser: undefined as never }],
    ['a purpose that is no treatment', { purposes: ['HOPERAT'] }],
    ['another application', { roles: [], client: 'kiosk' }],
  ])('is not for %s', (_name, access) => {
    expect(() => breakGlass(ASKED, caller(access))).toThrow(expect.objectContaining({ code: 'forbidden' }));
    expect(breakGlass({}, caller(access)).access?.mayBreakGlass).toBe(false);
  });

  it('is for the practitioners of an application that is told to', () => {
    const principal = caller({ roles: [], client: 'ambulance' });
    expect(breakGlass(ASKED, principal).access?.purposes).toContain('BTG');
  });

  it('needs a reason, also where the token has the purpose', () => {
    const { 'break-glass-reason': reason, ...without } = ASKED;
    expect(() => breakGlass(without, caller())).toThrow(expect.objectContaining({ code: 'value-required' }));
    const token = caller({ purposes: ['TREAT', 'BTG'] });
    expect(breakGlass({}, token).access?.purposes).toEqual(['TREAT']);
    expect(breakGlass({ 'break-glass-reason': reason }, token).access?.purposes).toEqual(['TREAT', 'BTG']);
    expect(() => breakGlass({ 'break-glass-reason': reason }, caller())).toThrow(
      expect.objectContaining({ code: 'value-invalid' }),
    );
  });

  it.each([['short'], ['x'.repeat(501)], ['two\tcolumns and more'], ['clears the screen \u009b2J']])(
    'refuses the reason %j',
    (reason) => {
      expect(() => breakGlass({ ...ASKED, 'break-glass-reason': reason }, caller())).toThrow(
        expect.objectContaining({ code: 'value-invalid' }),
      );
    },
  );

  it('knows no other purpose in the header', () => {
    for (const purpose of ['TREAT', 'BTG, BTG', 'btg'])
      expect(() => breakGlass({ ...ASKED, 'purpose-of-use': purpose }, caller())).toThrow(
        expect.objectContaining({ code: 'value-invalid' }),
      );
  });

  it('leaves alone whom nobody asked for a token', () => {
    const open: Principal = { key: 'anonymous' };
    expect(breakGlass(ASKED, open)).toBe(open);
  });
});
