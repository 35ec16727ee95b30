import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/types.ts';
import { startGuardedHospital } from '../support/guarded-hospital.ts';
import type { Claims, GuardedHospital, Said } from '../support/guarded-hospital.ts';
import { HOSP } from '../support/hospital.ts';

/*
 * Labels, consents and broken glasses from the core to the client: patient 100055 of the sandbox has a very restricted visit, a restricted and a very restricted finding.
 */

const SCOPE = { scope: 'user/*.cruds' };
const CLERK: Claims = { ...SCOPE, sub: 'clerk', jti: 'clerk-1' };
const DOCTOR: Claims = { ...SCOPE, sub: 'dr-one', jti: 'doctor-1', purpose_of_use: ['TREAT'] };
const EMERGENCY: Claims = { ...DOCTOR, sub: 'dr-two', jti: 'emergency-1', roles: ['emergency'] };
const OFFICER: Claims = { sub: 'officer', jti: 'officer-1', roles: ['privacy-officer'] };
const BTG = { headers: { 'purpose-of-use': 'BTG', 'break-glass-reason': 'Unconscious, no history known' } };

let hospital: GuardedHospital;
let patient: string;
let findings: string;

beforeAll(async () => {
  hospital = await startGuardedHospital({ breakGlass: { roles: ['emergency'] } });
  const found = await hospital.ask(`/Patient?identifier=${encodeURIComponent(`${HOSP}|100055`)}`, DOCTOR);
  patient = found.body.entry[0].resource.id;
  findings = `/Observation?patient=${patient}&category=exam`;
}, 120_000);
afterAll(() => hospital?.close());

type Entry = { readonly resource: Resource; readonly search: { readonly mode: string } };

function found({ body }: Said) {
  const entries = (body.entry ?? []) as Entry[];
  const of = (mode: string) =>
    entries.filter(({ search }) => search.mode === mode).map(({ resource }) => resource);
  const outcome = of('outcome')[0]?.['issue'] as { code: string; diagnostics: string }[] | undefined;
  return {
    matches: of('match'),
    suppressed: outcome?.filter(({ code }) => code === 'suppressed') ?? [],
    total: body.total as number | undefined,
  };
}

const valuesOf = (resources: readonly Resource[]) => resources.map((resource) => resource['valueString']);

describe('restricted records', () => {
  it('leave for nobody without the purpose, and the answer says that something is left out', async () => {
    const seen = found(await hospital.ask(findings, CLERK));
    expect(seen.matches).toEqual([]);
    expect(seen.suppressed).toHaveLength(1);
    expect(seen.suppressed[0]?.diagnostics).not.toMatch(/BTG|\d/);
    expect(seen.total ?? 0).toBe(0);
  });

  it('leave for treatment, unless they are very restricted', async () => {
    const seen = found(await hospital.ask(findings, DOCTOR));
    expect(valuesOf(seen.matches)).toEqual(['Mittelgradige depressive Episode']);
    expect(seen.suppressed).toHaveLength(1);
    expect(seen.total ?? 1).toBe(1);
  });

  it('are refused as if they were not there, but to one who may break the glass', async () => {
    const visits = found(await hospital.ask(`/Encounter?patient=${patient}`, EMERGENCY, BTG)).matches;
    const secret = visits.find(({ meta }) => JSON.stringify(meta).includes('"V"'));
    const path = `/Encounter/${secret?.id}`;
    const nothing = await hospital.ask('/Encounter/nothing', DOCTOR);
    const refused = await hospital.ask(path, DOCTOR);
    expect([refused.status, nothing.status]).toEqual([404, 404]);
    expect(refused.body.issue).toEqual(nothing.body.issue);
    const told = await hospital.ask(path, EMERGENCY);
    expect(told.status).toBe(403);
    expect(told.body.issue[0]).toMatchObject({
      code: 'suppressed',
      diagnostics: expect.stringContaining('BTG'),
    });
    expect((await hospital.ask(path, EMERGENCY, BTG)).status).toBe(200);
    expect((await hospital.ask(path, DOCTOR, BTG)).status).toBe(403);
    const { 'purpose-of-use': purpose } = BTG.headers;
    expect((await hospital.ask(path, EMERGENCY, { headers: { 'purpose-of-use': purpose } })).status).toBe(
      422,
    );
  }, 30_000);
});

describe('a broken glass', () => {
  it('that somebody may not break has who tried in the audit', async () => {
    const requestId = 'tried-to-break-it';
    const tried = await hospital.ask(findings, DOCTOR, { headers: { ...BTG.headers, 'x-request-id': requestId } }); // prettier-ignore
    expect(tried.status).toBe(403);
    const officer = { ...OFFICER, scope: 'user/AuditEvent.rs' };
    const { body } = await hospital.ask('/AuditEvent?_count=100', officer);
    const events = (body.entry as Entry[]).map(({ resource }) => JSON.stringify(resource));
    expect(events.find((event) => event.includes(requestId))).toContain('"dr-one"');
  });

  it('is in the audit, and in the queue until somebody else has looked at it', async () => {
    await hospital.ask(findings, EMERGENCY, BTG);
    const { body } = await hospital.admin('/security/break-glass', OFFICER);
    const [open] = body.cases;
    expect(open).toMatchObject({
      patient,
      subject: 'dr-two',
      tokenId: 'emergency-1',
      reasons: ['Unconscious, no history known'],
      actions: expect.arrayContaining(['Observation.search']),
    });
    expect(open.requests).toBeGreaterThan(1);
    const events = await hospital.ask(`/AuditEvent?patient=Patient/${patient}`, {
      ...OFFICER,
      scope: 'user/AuditEvent.rs',
    });
    expect(events.text).toContain('BTG');
    const review = {
      body: JSON.stringify({ verdict: 'justified', note: 'was in the emergency room' }),
      method: 'POST',
    };
    const path = `/security/break-glass/${open.id}/review`;
    expect((await hospital.admin(path, { ...OFFICER, sub: 'dr-two', jti: 'x' }, review)).status).toBe(403);
    expect((await hospital.admin(path, EMERGENCY, review)).status).toBe(403);
    expect((await hospital.admin(path, OFFICER, review)).body).toMatchObject({ review: { by: 'officer' } });
    expect((await hospital.admin('/security/break-glass?reviewed=false', OFFICER)).body.cases).toEqual([]);
  }, 30_000);
});

describe('a consent', () => {
  const reason = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'BTG' };
  const consent = (status: string) => ({
    resourceType: 'Consent',
    status,
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patient}` },
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] },
    provision: { type: 'deny', provision: [{ type: 'permit', purpose: [reason] }] },
  });
  const set = (status: string) =>
    hospital.admin('/security/consents/c-1', OFFICER, {
      method: 'PUT',
      body: JSON.stringify({ consent: consent(status) }),
    });

  it('that denies all but BTG binds from the moment it is set until it is withdrawn', async () => {
    expect((await set('active')).body).toMatchObject({ enforced: true });
    const path = `/Patient/${patient}`;
    expect((await hospital.ask(path, DOCTOR)).status).toBe(404);
    expect((await hospital.ask(path, EMERGENCY)).status).toBe(403);
    expect((await hospital.ask(path, EMERGENCY, BTG)).status).toBe(200);
    const laboratory = `/Observation?patient=${patient}&category=laboratory`;
    const seen = found(await hospital.ask(laboratory, DOCTOR));
    expect(seen.matches).toEqual([]);
    expect(seen.suppressed).toHaveLength(1);
    expect(seen.total ?? 0).toBe(0);
    expect((await set('inactive')).status).toBe(200);
    expect((await hospital.ask(path, DOCTOR)).status).toBe(200);
    expect(found(await hospital.ask(laboratory, DOCTOR)).matches.length).toBeGreaterThan(0);
  }, 30_000);

  it('is set by nobody but the privacy officer', async () => {
    const { admin } = hospital;
    const init = { method: 'PUT', body: JSON.stringify({ consent: consent('active') }) };
    expect(
      (await admin('/security/consents/c-2', { ...OFFICER, roles: ['admin'], jti: 'a' }, init)).status,
    ).toBe(403);
  });
});
