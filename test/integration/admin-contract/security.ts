import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SecurityAlert } from '../../../src/privacy-ports.ts';
import { openPrivacyStores } from '../../../src/store/privacy-stores.ts';
import { CONSENT } from './bodies.ts';
import type { Desk } from './desk.ts';

/** One use of a broken glass. */
const GLASS = {
  tokenId: 't1',
  issuer: 'https://login.example',
  subject: 'dr-one',
  patient: 'a',
  reason: 'Unconscious, no history known',
  requestId: 'r1',
  action: 'Observation.search',
  at: '2026-05-05T12:00:00.000Z',
};

const NETWORK = {
  network: '192.0.2.0/24',
  first: '2026-05-05T12:00:00.000Z',
  last: '2026-05-05T12:01:00.000Z',
};
const COUNTS = { refused: 3, patients: 1, requests: 9 };
const ALERT: SecurityAlert = {
  id: 'alert-1',
  watched: 'token https://login.example t1',
  tokenId: 't1',
  issuer: 'https://login.example',
  subject: 'dr-one',
  client: 'ambulance',
  anomalies: ['refused'],
  networks: { known: [NETWORK], strange: [{ ...NETWORK, network: '198.51.100.0/24' }] },
  counts: { known: COUNTS, strange: COUNTS },
  raisedAt: '2026-05-05T12:00:00.000Z',
  lastAt: '2026-05-05T12:01:00.000Z',
};

/** What the operations of tokens, consents and broken glasses answer. */
export function answersOfSecurity(desk: () => Desk): void {
  it('fit the document for revoked tokens', async () => {
    const { ask, fitting } = desk();
    const body = { by: 'officer', reason: 'leaked' };
    // With security open there are none: it is kept, and binds nobody.
    expect(await fitting('addRevocation', { body: { ...body, tokenId: 'jti-1' } })).toMatchObject({
      enforced: false,
      revocation: { tokenId: 'jti-1', by: 'officer', reason: 'leaked' },
    });
    for (const named of [
      {},
      { tokenId: 'jti-1', subject: 's' },
      { tokenId: 'eyJh.eyJh.x-1' },
      { jti: 'x' },
    ]) {
      const refused = await ask('addRevocation', { body: { ...body, ...named } });
      expect(refused.status).toBe(422);
      expect(refused.text).not.toContain('eyJh');
    }
    const { revocations } = await fitting('listRevocations');
    const [{ id }, ...more] = revocations as [{ id: string }];
    expect(more).toEqual([]);
    const params = { id };
    expect(await fitting('liftRevocation', { params, body })).toMatchObject({
      revocation: { id, lifted: { by: 'officer' } },
    });
    expect((await ask('liftRevocation', { params, body })).status).toBe(409);
  });

  it('fit the document for alerts of tokens', async () => {
    const { stateDir, hospital, ask, fitting } = desk();
    // With security open none is raised; what is kept is shown.
    const stores = openPrivacyStores(join(stateDir, 'privacy.sqlite'));
    await stores.alerts.keep(ALERT);
    stores.close();
    const trail = `${hospital.base}/AuditEvent?policy=urn%3Aietf%3Aparams%3Aoauth%3Ajti%3At1`;
    const open = { watching: false, alerts: [{ ...ALERT, trail }] };
    expect(await fitting('listAlerts', { query: '?acknowledged=false' })).toEqual(open);
    expect((await ask('listAlerts', { query: '?limit=none' })).status).toBe(400);
    const asked = { params: { id: ALERT.id }, body: { by: 'officer', note: 'a new building' } };
    expect(await fitting('acknowledgeAlert', asked)).toMatchObject({
      alert: { id: ALERT.id, acknowledged: { by: 'officer', note: 'a new building' } },
    });
    expect((await ask('acknowledgeAlert', asked)).status).toBe(409);
    expect(await fitting('listAlerts', { query: '?acknowledged=false' })).toMatchObject({ alerts: [] });
    expect(await fitting('listAlerts')).toMatchObject({ alerts: [{ acknowledged: { by: 'officer' } }] });
  });

  it('fit the document for consents and broken glasses', async () => {
    const { patient, stateDir, ask, fitting } = desk();
    const params = { id: 'c-1' };
    const consent = { ...CONSENT.consent, patient: { reference: `Patient/${patient}` } };
    const first = { by: 'officer', consent };
    expect(await fitting('setConsent', { params, body: first })).toMatchObject({ enforced: false });
    const withdrawn = { by: 'officer', version: 1, consent: { ...consent, status: 'inactive' } };
    await fitting('setConsent', { params, body: withdrawn });
    expect((await ask('setConsent', { params, body: withdrawn })).status).toBe(412);
    const taken = { by: 'officer', consent: { ...consent, patient: { reference: 'Patient/other' } } };
    expect((await ask('setConsent', { params, body: taken })).status).toBe(409);
    const unknown = { ...consent, provision: { type: 'deny', class: [{ code: 'Observation' }] } };
    const refused = await ask('setConsent', { params, body: { by: 'officer', consent: unknown } });
    expect(refused).toMatchObject({ status: 422, body: { reasons: [expect.stringContaining('class')] } });
    expect(await fitting('listConsents', { query: `?patient=${patient}` })).toMatchObject({
      consents: [{ version: 2 }],
    });
    expect(await fitting('listConsents', { query: '?patient=nobody' })).toMatchObject({ consents: [] });
    expect(await fitting('getConsent', { params })).toMatchObject({
      history: [{ version: 1 }, { version: 2 }],
    });

    // With security open nobody has a token to break a glass with.
    const stores = openPrivacyStores(join(stateDir, 'privacy.sqlite'));
    await stores.glassCases.record([GLASS]);
    stores.close();
    const { cases } = await fitting('listGlassCases', { query: '?reviewed=false' });
    const [{ id }] = cases as [{ id: string }];
    await fitting('getGlassCase', { params: { id } });
    const review = { verdict: 'justified', note: 'seen in the emergency department' };
    const own = await ask('reviewGlassCase', { params: { id }, body: { ...review, by: GLASS.subject } });
    expect(own.status).toBe(403);
    const body = { ...review, by: 'officer' };
    expect(await fitting('reviewGlassCase', { params: { id }, body })).toMatchObject({ review });
    expect((await ask('reviewGlassCase', { params: { id }, body })).status).toBe(409);
    expect(await fitting('listGlassCases', { query: '?reviewed=false&limit=5' })).toEqual({ cases: [] });
  });
}
