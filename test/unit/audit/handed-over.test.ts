import { expect, it } from 'vitest';
import { factOf, keysOf, link, linkReady, ready } from '../../../src/audit/chain.ts';
import { ownFact } from '../../../src/audit/keeper.ts';
import type { NewFact } from '../../../src/audit/facts.ts';
import { handOver, takeOver } from '../../../src/compose/audit/handed-over.ts';

const FULL: NewFact = {
  kind: 'read',
  outcome: 'refused',
  action: 'Patient.read',
  requestId: 'r "1" \u2028',
  agent: { subject: 'Zo\u00eb', client: 'app', fhirUser: 'Practitioner/7', tokenId: 't-1', roles: ['nurse'] },
  references: ['Patient/7', 'Observation/8/_history/3'],
  query: 'bmFtZT14',
  errorCode: 'forbidden',
  servedBy: 'legacy:core',
  exchanges: [{ backend: 'core', messageId: 'M1', acknowledgement: 'AA' }],
  details: { reason: 'because' },
  patient: '7',
};
const FACTS: readonly NewFact[] = [FULL, ownFact('audit.forget', { upTo: '7' }), { ...FULL, patient: '8' }];
const HEAD = { sequence: 41, hash: 'ab'.repeat(32), at: 1_000 };

it('comes out as it went in, from thread to thread', () => {
  const facts = FACTS.map(ready);
  expect(takeOver(structuredClone(handOver(facts)))).toEqual(facts);
  expect(takeOver(handOver([]))).toEqual([]);
});

it('is linked as the facts themselves are', () => {
  const records = linkReady(HEAD, takeOver(handOver(FACTS.map(ready))), 2_000);
  for (const [at, record] of records.entries()) {
    const whole = { form: 1, recorded: new Date(2_000).toISOString(), ...FACTS[at]! };
    expect(record.body).toBe(JSON.stringify(whole));
    expect(factOf(record)).toEqual(whole);
    expect(record).toMatchObject({ sequence: 42 + at, at: 2_000, keys: keysOf(FACTS[at]!) });
  }
  expect(JSON.stringify(records)).toBe(JSON.stringify(link(HEAD, FACTS, 2_000)));
  expect(records[0]!.names!()).toEqual(['Observation/8', 'M1']);
});
