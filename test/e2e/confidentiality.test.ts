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
});
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

/** Headers that say something of what was found: not when, for which request, and how many requests are left. */
function headersOf({ headers }: Said): Record<string, string> {
  const own = ['date', 'x-request-id', 'content-length', 'ratelimit-remaining', 'ratelimit-reset'];
  const all = [...headers].filter(([name]) => !own.includes(name));
  return Object.fromEntries(all.map(([name, value]) => [name, value.replaceAll(/dur=[\d.]+/g, 'dur=')]));
}

const valuesOf = (resources: readonly Resource[]) => resources.map((resource) => resource['valueString']);

describe('restricted records', () => {
  it('leave for nobody without the purpose, and the answer says that something may be left out', async () => {
    const seen = found(await hospital.ask(findings, CLERK));
    expect(seen.matches).toEqual([]);
    expect(seen.suppressed).toHaveLength(1);
    expect(seen.suppressed[0]?.diagnostics).not.toMatch(/BTG|\d/);
    expect(seen.total ?? 0).toBe(0);
  });

  it('are not found out by asking: what meets them and what meets nothing is answered with the same words', async () => {
    const behind = (await hospital.ask(findings, EMERGENCY, BTG)).body.entry as Entry[];
    const secret = behind.find(({ resource }) => JSON.stringify(resource.meta).includes('"V"'))!.resource;
    const { code, effectiveDateTime: day } = secret as unknown as { code: { coding: { code: string }[] }; effectiveDateTime: string }; // prettier-ignore
    const base = `/Observation?patient=${patient}`;
    for (const [met, unmet] of [
      [`_id=${secret.id}`, '_id=nothing'],
      [`category=exam&code=${code.coding[0]!.code}`, 'category=exam&code=nothing'],
      [`category=exam&date=${day.slice(0, 10)}`, 'category=exam&date=1901-01-01'],
      [`category=exam&_summary=count&_id=${secret.id}`, 'category=exam&_summary=count&_id=nothing'],
    ] as const) {
      const [one, other] = [
        await hospital.ask(`${base}&${met}`, CLERK),
        await hospital.ask(`${base}&${unmet}`, CLERK),
      ];
      expect(one.status, met).toBe(200);
      expect(found(one), met).toEqual(found(other));
      expect(found(one).suppressed).toHaveLength(1);
      expect(headersOf(one), met).toEqual(headersOf(other));
    }
  });

  it('leave no trace in the headers of a read, either', async () => {
    const behind = (await hospital.ask(findings, EMERGENCY, BTG)).body.entry as Entry[];
    const secret = behind.find(({ resource }) => JSON.stringify(resource.meta).includes('"V"'))!.resource;
    const [hidden, nothing] = [
      await hospital.ask(`/Observation/${secret.id}`, DOCTOR),
      await hospital.ask('/Observation/nothing', DOCTOR),
    ];
    expect(hidden.status).toBe(404);
    expect(headersOf(hidden)).toEqual(headersOf(nothing));
    expect(hidden.text).toBe(nothing.text);
  });

  it('are told of to one who may open them there and then, and that one was told is in the trail', async () => {
    const asked = async (url: string, requestId: string) =>
      found(await hospital.ask(url, EMERGENCY, { headers: { 'x-request-id': requestId } })).suppressed[0]
        ?.diagnostics;
    expect(await asked(findings, 'told-of-glass')).toMatch(/BTG/);
    expect(await asked(`${findings}&_id=nothing`, 'told-of-nothing')).not.toMatch(/BTG/);
    const officer = { ...OFFICER, scope: 'user/AuditEvent.rs' };
    const { body } = await hospital.ask('/AuditEvent?_count=100', officer);
    const events = (body.entry as Entry[]).map(({ resource }) => JSON.stringify(resource));
    const eventOf = (requestId: string) => events.find((event) => event.includes(`"${requestId}"`));
    expect(eventOf('told-of-glass')).toContain('a broken glass would give more');
    expect(eventOf('told-of-nothing')).not.toContain('a broken glass would give more');
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
  });
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

  it('that somebody may not break is tried so often and no more, and keeps nobody else from it', async () => {
    const eager = { ...DOCTOR, sub: 'dr-eager', jti: 'eager-1' };
    const statuses = new Set<number>();
    for (let tries = 0; tries <= 60; tries += 1)
      statuses.add((await hospital.ask(findings, eager, BTG)).status);
    expect([...statuses]).toEqual([403, 429]);
    expect((await hospital.ask(findings, eager)).status).toBe(200);
    expect((await hospital.ask(findings, EMERGENCY, BTG)).status).toBe(200);
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
  });
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
  });

  it('is set by nobody but the privacy officer', async () => {
    const { admin } = hospital;
    const init = { method: 'PUT', body: JSON.stringify({ consent: consent('active') }) };
    expect(
      (await admin('/security/consents/c-2', { ...OFFICER, roles: ['admin'], jti: 'a' }, init)).status,
    ).toBe(403);
  });
});
