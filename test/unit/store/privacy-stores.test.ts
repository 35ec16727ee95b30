import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GlassUse, KeptConsent, Revocation, SecurityAlert } from '../../../src/privacy-ports.ts';
import { createMemoryPrivacyStores, openPrivacyStores } from '../../../src/store/privacy-stores.ts';
import type { PrivacyStores } from '../../../src/store/privacy-stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-privacy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `${++files}.sqlite`);

const consent: KeptConsent = {
  id: 'c1',
  version: 1,
  patient: 'a',
  resource: { resourceType: 'Consent', status: 'active' },
  by: 'officer',
  at: '2026-05-05T12:00:00.000Z',
};
const use: GlassUse = {
  tokenId: 't1',
  issuer: 'https://login.example',
  subject: 'dr-one',
  client: 'ambulance',
  fhirUser: 'Practitioner/p1',
  patient: 'a',
  reason: 'Unconscious, no history known',
  requestId: 'r1',
  action: 'Observation.search',
  at: '2026-05-05T12:00:00.000Z',
};
const review = {
  by: 'officer',
  at: '2026-05-06T08:00:00.000Z',
  verdict: 'justified',
  note: 'seen in the emergency department',
} as const;

const revocation: Revocation = {
  id: 'v1',
  tokenId: 't1',
  reason: 'leaked',
  by: 'officer',
  at: '2026-05-05T12:00:00.000Z',
  until: '2027-05-05T12:00:00.000Z',
};
const lifted = { by: 'admin', at: '2026-05-06T12:00:00.000Z', reason: 'it was another one' };

const counts = { requests: 9, refused: 3, patients: 1 };
const network = {
  network: '192.0.2.0/24',
  first: '2026-05-05T12:00:00.000Z',
  last: '2026-05-05T12:01:00.000Z',
};
const alert: SecurityAlert = {
  id: 'a1',
  watched: 'token t1',
  tokenId: 't1',
  subject: 'dr-one',
  anomalies: ['refused'],
  networks: { known: [network], strange: [] },
  counts: { known: counts, strange: counts },
  raisedAt: '2026-05-05T12:00:00.000Z',
  lastAt: '2026-05-05T12:01:00.000Z',
};
const acknowledgement = { by: 'officer', at: '2026-05-06T12:00:00.000Z', note: 'a new building' };

/** Every implementation keeps what it is told in the same way. */
const IMPLEMENTATIONS: readonly (readonly [name: string, open: () => PrivacyStores])[] = [
  ['memory', createMemoryPrivacyStores],
  ['sqlite', () => openPrivacyStores(newFile())],
];

describe.each(IMPLEMENTATIONS)('%s stores of privacy', (_name, open) => {
  let stores: PrivacyStores;
  beforeEach(() => {
    stores = open();
  });
  afterEach(() => stores.close());

  it('keep every version of a consent, and load the newest', async () => {
    const { consents } = stores;
    const second = { ...consent, version: 2, resource: { ...consent.resource, status: 'inactive' } };
    expect(await consents.append(consent)).toBe(true);
    expect(await consents.append({ ...consent, id: 'b' })).toBe(true);
    expect(await consents.append(second)).toBe(true);
    expect(await consents.load()).toEqual([{ ...consent, id: 'b' }, second]);
    expect(await consents.history('c1')).toEqual([consent, second]);
    expect(await consents.history('none')).toEqual([]);
  });

  it('take of two that change the same version the first', async () => {
    await stores.consents.append(consent);
    expect(await stores.consents.append({ ...consent, by: 'other' })).toBe(false);
    expect(await stores.consents.append({ ...consent, version: 3 })).toBe(false);
    expect(await stores.consents.load()).toEqual([consent]);
  });

  it('count the uses of one token for one patient in one case', async () => {
    const { glassCases } = stores;
    await glassCases.record([use]);
    const later = {
      reason: 'Bleeding, which drugs?',
      requestId: 'r2',
      action: 'Patient.read',
      at: '2026-05-05T12:01:00.000Z',
    };
    await glassCases.record([
      { ...use, ...later },
      { ...use, ...later, patient: 'b' },
    ]);
    await glassCases.record([{ ...use, ...later, tokenId: 't2' }]);
    const [one, ...others] = (await glassCases.list({ limit: 10 }))
      .toReversed()
      .toSorted((a, b) => b.requests - a.requests);
    const { reason, requestId: _r, action: _a, at: _at, ...who } = use;
    expect(one).toEqual({
      ...who,
      id: one?.id,
      reasons: [reason, later.reason],
      requests: 2,
      actions: ['Observation.search', 'Patient.read'],
      firstAt: use.at,
      lastAt: later.at,
      firstRequestId: 'r1',
      lastRequestId: 'r2',
    });
    expect(
      new Set(others.map(({ tokenId, patient, requests }) => `${tokenId} ${patient} ${requests}`)),
    ).toEqual(new Set(['t1 b 1', 't2 a 1']));
  });

  it('keep a use that found nobody', async () => {
    const { patient: _none, ...nobody } = use;
    await stores.glassCases.record([nobody]);
    await stores.glassCases.record([nobody]);
    const [found] = await stores.glassCases.list({ limit: 10 });
    expect(found).toMatchObject({ requests: 2, tokenId: 't1' });
    expect(found).not.toHaveProperty('patient');
  });

  it('close a case once; what comes after is a new one', async () => {
    const { glassCases } = stores;
    await glassCases.record([use]);
    const [{ id } = { id: '' }] = await glassCases.list({ reviewed: false, limit: 10 });
    expect(await glassCases.review(id, review)).toBe(true);
    expect(await glassCases.review(id, { ...review, verdict: 'unjustified' })).toBe(false);
    expect(await glassCases.review('none', review)).toBe(false);
    expect(await glassCases.find(id)).toMatchObject({ requests: 1, review });
    expect(await glassCases.list({ reviewed: false, limit: 10 })).toEqual([]);
    await glassCases.record([use]);
    expect(await glassCases.list({ reviewed: false, limit: 10 })).toHaveLength(1);
    expect((await glassCases.find(id))?.requests).toBe(1);
    expect(await glassCases.list({ reviewed: true, limit: 10 })).toHaveLength(1);
  });

  it('list the newest first, and no more than are asked for', async () => {
    const { glassCases } = stores;
    const at = (minute: number) => `2026-05-05T12:0${minute}:00.000Z`;
    for (const minute of [1, 2, 3])
      await glassCases.record([{ ...use, patient: `p${minute}`, at: at(minute) }]);
    await glassCases.record([{ ...use, patient: 'p1', at: at(4) }]);
    const found = await glassCases.list({ limit: 2 });
    expect(found.map(({ patient }) => patient)).toEqual(['p1', 'p3']);
  });

  it('keep revocations in their order, until they end', async () => {
    const { tokenId: _token, ...others } = revocation;
    const second = { ...others, id: 'a2', subject: 'dr-one', client: 'ambulance', until: lifted.at };
    await stores.revocations.add(revocation);
    await stores.revocations.add(second);
    expect(await stores.revocations.load(revocation.at)).toEqual([revocation, second]);
    expect(await stores.revocations.load(lifted.at)).toEqual([revocation]);
  });

  it('lift a revocation once', async () => {
    const { revocations } = stores;
    await revocations.add(revocation);
    expect(await revocations.lift('v1', lifted)).toBe(true);
    expect(await revocations.lift('v1', { ...lifted, by: 'other' })).toBe(false);
    expect(await revocations.lift('none', lifted)).toBe(false);
    expect(await revocations.load(revocation.at)).toEqual([{ ...revocation, lifted }]);
  });

  it('keep an alert up to date until somebody acknowledges it, once', async () => {
    const { alerts } = stores;
    await alerts.keep(alert);
    const later = {
      ...alert,
      anomalies: ['refused', 'requests'] as const,
      lastAt: '2026-05-05T13:00:00.000Z',
    };
    await alerts.keep(later);
    expect(await alerts.openOf('token t1')).toEqual(later);
    expect(alerts.open()).toBe(1);
    expect(await alerts.acknowledge('a1', acknowledgement)).toBe(true);
    expect(await alerts.acknowledge('a1', { ...acknowledgement, by: 'other' })).toBe(false);
    expect(await alerts.acknowledge('none', acknowledgement)).toBe(false);
    await alerts.keep(alert);
    expect(await alerts.find('a1')).toEqual({ ...later, acknowledged: acknowledgement });
    expect(await alerts.openOf('token t1')).toBeUndefined();
    expect(alerts.open()).toBe(0);
  });

  it('list alerts, newest first', async () => {
    const { alerts } = stores;
    for (const id of ['a1', 'a2', 'a3']) await alerts.keep({ ...alert, id, watched: id });
    await alerts.acknowledge('a2', acknowledgement);
    const idsOf = async (filter: Parameters<typeof alerts.list>[0]) =>
      (await alerts.list(filter)).map(({ id }) => id);
    expect(await idsOf({ limit: 10 })).toEqual(['a3', 'a2', 'a1']);
    expect(await idsOf({ limit: 2, acknowledged: false })).toEqual(['a3', 'a1']);
    expect(await idsOf({ limit: 1 })).toEqual(['a3']);
    expect(await idsOf({ limit: 9, acknowledged: true })).toEqual(['a2']);
  });
});

describe('the sqlite stores of privacy', () => {
  it('still know after a restart', async () => {
    const file = newFile();
    const before = openPrivacyStores(file);
    await before.consents.append(consent);
    await before.glassCases.record([use]);
    await before.revocations.add(revocation);
    await before.alerts.keep(alert);
    before.close();
    const after = openPrivacyStores(file);
    expect(await after.consents.load()).toEqual([consent]);
    expect(await after.glassCases.list({ limit: 1 })).toMatchObject([{ patient: 'a', requests: 1 }]);
    expect(await after.revocations.load(revocation.at)).toEqual([revocation]);
    expect(await after.alerts.list({ limit: 1 })).toEqual([alert]);
    after.close();
  });
});
