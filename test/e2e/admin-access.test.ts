import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminConfig } from '../../src/config/admin-schema.ts';
import { securityConfig } from '../../src/config/security-schema.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { PATIENT, makeKey, startIssuer } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';

/*
 * The admin API of a whole Ficus with an issuer of tokens: who moves an endpoint, who decides what is clinical, who retires, and what of it all is in
 * the audit trail, as the privacy officer reads it.
 */

const ENDPOINT = '/migration/Observation.search';
const GATES = 'contract criticals parity shapes patients latency errors outbox drift legacy-calls long-tail'.split(' '); // prettier-ignore

let issuer: TestIssuer;
let hospital: Hospital;

beforeAll(async () => {
  issuer = await startIssuer({
    now: () => Date.now(),
    audience: () => hospital.ficus.adminBase,
    key: await makeKey('one'),
  });
  hospital = await startHospital(({ config, ...loaded }) => ({
    ...loaded,
    config: {
      ...config,
      security: securityConfig.parse({
        issuers: [{ issuer: issuer.url, roles: { 'clinical-owner': ['grp-clinical'] } }],
        egress: PATIENT,
      }),
      admin: { ...adminConfig.parse({}), port: 0 },
    },
  }));
});

afterAll(async () => {
  await hospital?.close();
  await issuer?.close();
});

/** A token of somebody who works at Ficus. */
const staff = (sub: string, role: string, client = 'console'): Promise<string> =>
  issuer.token({ sub, roles: [role], client_id: client, fhirUser: undefined });

interface Said {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(token: string | undefined, path: string, body?: object): Promise<Said> {
  const response = await fetch(`${hospital.ficus.adminBase}${path}`, {
    ...(body ? { method: 'POST', body: JSON.stringify({ reason: 'a test', ...body }) } : {}),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
  });
  return { status: response.status, body: (await response.json()) as Said['body'] };
}

describe('the door of the admin API', () => {
  it('is closed without a token, and says where it leads', async () => {
    const response = await fetch(`${hospital.ficus.adminBase}/routes`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain(`realm="${hospital.ficus.adminBase}"`);
    expect((await ask('not.a.token', '/routes')).status).toBe(401);
  });

  it('is closed to a token for the FHIR API, whatever roles its user has', async () => {
    const token = await issuer.token({ aud: hospital.base, sub: 'mira', roles: ['admin'] });
    expect((await ask(token, '/routes')).status).toBe(401);
  });

  it('is closed to an application without a role', async () => {
    expect((await ask(await issuer.token(), '/routes')).status).toBe(403);
  });

  it('is open for health and metrics', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect((await fetch(`${hospital.ficus.adminBase}${path}`)).status).toBe(200);
  });

  it('lets a viewer look, and nothing else', async () => {
    const vera = await staff('vera', 'viewer');
    expect((await ask(vera, '/migration')).status).toBe(200);
    expect(await ask(vera, `${ENDPOINT}/promote`, {})).toMatchObject({
      status: 403,
      body: { error: 'forbidden' },
    });
  });

  it('goes by the names that the issuer has for roles', async () => {
    const path = `${ENDPOINT}/waivers`;
    const waiver = { gate: 'latency', days: 1 };
    expect((await ask(await staff('claudia', 'clinical-owner'), path, waiver)).status).toBe(403);
    expect((await ask(await staff('claudia', 'grp-clinical'), path, waiver)).status).toBe(201);
  });
});

describe('a migration with roles', () => {
  it('is signed by the token, and by no other name', async () => {
    const mira = await staff('mira', 'migration-lead');
    expect((await ask(mira, `${ENDPOINT}/note`, { by: 'claudia' })).status).toBe(403);
    const { status, body } = await ask(mira, `${ENDPOINT}/note`, {});
    expect([status, (body['route'] as { updatedBy: string }).updatedBy]).toEqual([200, 'mira']);
  });

  it('makes nobody a clinician who names themselves the clinical owner', async () => {
    const mira = await staff('mira', 'migration-lead');
    expect((await ask(mira, `${ENDPOINT}/owners`, { owners: { clinical: 'mira' } })).status).toBe(200);
    const words = 'the role clinical-owner';
    for (const [path, body] of [
      [`${ENDPOINT}/waivers`, { gate: 'criticals', days: 1 }],
      ['/migration/rules', { endpoint: 'Observation.search', signature: 'changed Observation.status', verdict: 'acceptable', owner: 'mira', days: 1 }],
    ] as const) {
      const said = await ask(mira, path, body);
      expect(said.status).toBe(403);
      expect(said.body['message']).toContain(words);
    } // prettier-ignore
    const owners = { technical: 'ingo', clinical: 'claudia' };
    expect((await ask(mira, `${ENDPOINT}/owners`, { owners })).status).toBe(200);
    const ingo = await staff('ingo', 'integrator');
    const opening = await ask(ingo, '/migration/samples/none/open', { role: 'clinical' });
    expect(opening.body['message']).toContain(words);
    expect((await ask(ingo, '/migration/samples/none/open', { role: 'technical' })).status).toBe(404);
    const claudia = await staff('claudia', 'grp-clinical');
    expect((await ask(claudia, `${ENDPOINT}/waivers`, { gate: 'criticals', days: 1 })).status).toBe(201);
  });

  it('retires an endpoint by two people, who are two whatever they use', async () => {
    const mira = await staff('mira', 'migration-lead');
    const claudia = await staff('claudia', 'grp-clinical');
    const put = await fetch(`${hospital.ficus.adminBase}/routes/Observation.search`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${mira}`, 'content-type': 'application/json' },
      body: JSON.stringify({ stage: 'modern' }),
    });
    expect(put.status).toBe(200);
    for (const gate of GATES.filter((name) => name !== 'criticals'))
      expect((await ask(mira, `${ENDPOINT}/waivers`, { gate, days: 1 })).status, gate).toBe(201);
    expect((await ask(claudia, `${ENDPOINT}/waivers`, { gate: 'criticals', days: 1 })).status).toBe(201);

    expect(await ask(mira, `${ENDPOINT}/retire`, {})).toMatchObject({
      status: 200,
      body: { route: { stage: 'modern', retirement: { by: 'mira' } } },
    });
    const again = await ask(await staff('mira', 'migration-lead', 'ficus-cli'), `${ENDPOINT}/retire`, {});
    expect(again.status).toBe(422);
    expect(again.body['message']).toContain('somebody else');
    const named = await ask(mira, `${ENDPOINT}/retire`, { by: 'claudia' });
    expect(named.status).toBe(403);
    const program = await staff('batch', 'migration-lead', 'batch');
    expect((await ask(program, `${ENDPOINT}/retire`, {})).status).toBe(403);
    expect(await ask(claudia, `${ENDPOINT}/retire`, {})).toMatchObject({
      status: 200,
      body: { route: { stage: 'retired', updatedBy: 'claudia' } },
    });
  });

  it('is in the audit trail: what was done, what was refused, and by whom', async () => {
    const claims = {
      aud: hospital.base,
      sub: 'paul',
      roles: ['privacy-officer'],
      scope: 'user/AuditEvent.rs',
    };
    const token = await issuer.token(claims);
    const response = await fetch(`${hospital.base}/AuditEvent?_count=100`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(200);
    const { entry } = (await response.json()) as { entry: { resource: object }[] };
    const events = entry.map(({ resource }) => JSON.stringify(resource));
    const found = (...words: readonly string[]) =>
      events.filter((text) => words.every((word) => text.includes(`"${word}"`))).length;
    expect(found('migration.retire', 'claudia')).toBe(1);
    // The first approval, and the second one that was none; what was refused at the door is of another kind.
    expect(found('migration.retire', 'mira')).toBeGreaterThanOrEqual(2);
    expect(found('migration.promote', 'vera')).toBe(1);
    expect(found('differences.openSample', 'ingo')).toBe(2);
    expect(found('routes.setRoute', 'mira')).toBe(1);
  });
});
