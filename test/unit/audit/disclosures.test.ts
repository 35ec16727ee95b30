import { describe, expect, it } from 'vitest';
import { BEGINNING, link } from '../../../src/audit/chain.ts';
import { disclosuresCsv, disclosuresOf } from '../../../src/audit/disclosures.ts';
import { factsOf } from '../../../src/audit/facts.ts';
import type { AuditEntry } from '../../../src/security-ports.ts';
import { entry } from './entries.ts';

const START = Date.parse('2026-03-01T10:00:00Z');
const recordsOf = (...entries: readonly AuditEntry[]) =>
  link({ sequence: 0, hash: BEGINNING, at: 0 }, entries.flatMap(factsOf), START);

describe('an account of disclosures', () => {
  it.each<[string, Partial<AuditEntry>, number]>([
    ['a read', { kind: 'read' }, 1],
    ['a search that found several', { kind: 'query', patients: ['p1', 'p2'] }, 2],
    ['a history', { kind: 'history' }, 1],
    ['an opened message', { kind: 'message-opened', action: 'feed.openMessage' }, 1],
    ['an export', { kind: 'export', action: 'Patient.export' }, 1],
    ['a read that was refused', { kind: 'read', outcome: 'refused' }, 0],
    ['a read that failed', { kind: 'read', outcome: 'failed' }, 0],
    ['what is about nobody', { kind: 'read', patients: [] }, 0],
    ['a write', { kind: 'update' }, 0],
    ['the use of a token', { kind: 'token', action: 'token.use' }, 0],
    ['reading the trail', { kind: 'audit-read' }, 0],
    ['an account that was made before', { kind: 'export', action: 'audit.disclosures' }, 0],
  ])('tells of %s or not', (_, more, count) => {
    expect(disclosuresOf(recordsOf(entry(more)))).toHaveLength(count);
  });

  it('is by patient, and then by time', () => {
    const both = entry({ kind: 'query', patients: ['p2', 'p1'] });
    const found = disclosuresOf(recordsOf(both, entry({ patients: ['p2'] }), both));
    expect(found.map(({ patient, sequence }) => [patient, sequence])).toEqual([
      ['p1', 2],
      ['p1', 5],
      ['p2', 1],
      ['p2', 3],
      ['p2', 4],
    ]);
    expect(disclosuresOf(recordsOf(both), 'p1')).toHaveLength(1);
  });

  it('says to whom and for which purpose', () => {
    const agent = {
      subject: 'ada',
      issuer: 'https://login.example',
      client: 'chart',
      fhirUser: 'Practitioner/17',
      roles: ['nurse'],
      purposes: ['TREAT', 'ETREAT'],
      tokenId: 'jti-9',
      address: '10.0.0.1',
    };
    const [found] = disclosuresOf(recordsOf(entry({ agent, patients: ['p1'] })));
    const { address: _where, ...who } = agent;
    expect(found).toMatchObject({ ...who, category: 'Observation' });
    const line = disclosuresCsv([found!]).split('\r\n')[1];
    expect(line).toContain(
      'Patient/p1,2026-03-01T10:00:00.000Z,ada,https://login.example,chart,Practitioner/17,nurse,TREAT ETREAT,read,Observation,',
    );
  });

  it.each([
    ['a,b', '"a,b"'],
    ['say "a"', '"say ""a"""'],
    ['a\r\nb', '"a\r\nb"'],
    ['=HYPERLINK("http://evil.example")', `"'=HYPERLINK(""http://evil.example"")"`],
    ['@SUM(A1)', `'@SUM(A1)`],
    ['+1', `'+1`],
    ['-1', `'-1`],
  ])('keeps %j of an application in its cell', (client, cell) => {
    const agent = { subject: 's', client };
    expect(disclosuresCsv(disclosuresOf(recordsOf(entry({ agent }))))).toContain(`,s,,${cell},`);
  });
});
