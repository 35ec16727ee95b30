import { describe, expect, it } from 'vitest';
import { refuseWithout, rolesCalled, staffOf } from '../../../src/security/roles.ts';

describe('roles of a token', () => {
  it('are called as the issuer calls them', () => {
    const names = { 'privacy-officer': ['grp-privacy', 'grp-legal'], admin: ['grp-it'] };
    expect(rolesCalled(['grp-legal', 'viewer'], names)).toEqual(['viewer', 'privacy-officer', 'grp-legal']);
  });

  it('do not go by their own name where the issuer has another: it may be somebody else’s there', () => {
    expect(rolesCalled(['admin', 'viewer'], { admin: ['grp-it'] })).toEqual(['viewer']);
  });

  it('of nobody are kept, for whatever else goes by roles', () => {
    expect(rolesCalled(['emergency-physician'], {})).toEqual(['emergency-physician']);
  });
});

describe('whoever works at Ficus', () => {
  const access = { roles: ['admin', 'root'], subject: 'anna', client: 'console' };

  it('has the roles that there are', () => {
    expect(staffOf(access)).toEqual({ subject: 'anna', roles: ['admin'], program: false });
  });

  it('is a program where the client is its own subject (RFC 9068 section 2.2)', () => {
    expect(staffOf({ ...access, subject: 'console' }).program).toBe(true);
  });

  it.each([
    ['messages.open', ['viewer', 'admin'], 'the role integrator'],
    ['messages.open', [], 'the token has none'],
    ['migration.move', ['viewer'], 'one of the roles migration-lead, admin'],
  ] as const)('may not use %s as %j, and is told what would do', (permission, roles, words) => {
    const staff = { subject: 'vera', roles, program: false };
    expect(() => refuseWithout(permission, staff)).toThrow(words);
  });
});
