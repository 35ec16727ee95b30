import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { factOf } from '../../src/audit/chain.ts';
import { verifyTrail } from '../../src/audit/verify.ts';
import type { AuditStore } from '../../src/audit-ports.ts';
import { compose } from '../../src/compose.ts';
import type { Ficus } from '../../src/compose.ts';
import { securityConfig } from '../../src/config/security-schema.ts';
import { validateResource } from '../../src/fhir/validate.ts';
import type { Resource } from '../../src/fhir/types.ts';
import { createLogger } from '../../src/log.ts';
import { openAuditStore } from '../../src/store/sqlite-audit.ts';
import { fedConfig, makeHome } from '../support/fed.ts';
import type { Home } from '../support/fed.ts';
import { PATIENT, makeKey, startIssuer } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';

let home: Home;
let issuer: TestIssuer;
let ficus: Ficus;
let store: AuditStore;
let file: string;

beforeAll(async () => {
  home = makeHome();
  issuer = await startIssuer({
    now: () => Date.now(),
    audience: () => ficus.publicBase,
    key: await makeKey('one'),
  });
  const loaded = fedConfig(home);
  const security = securityConfig.parse({ issuers: [{ issuer: issuer.url }], egress: PATIENT });
  file = join(loaded.config.stateDir, 'audit.sqlite');
  ficus = await compose(
    { ...loaded, config: { ...loaded.config, security } },
    { log: createLogger({ level: 'silent' }) },
  );
  store = openAuditStore(file, { durability: 'normal' });
});
afterAll(async () => {
  store.close();
  await ficus.stop();
  await issuer.close();
  home.remove();
});

async function get(path: string, claims?: Parameters<TestIssuer['token']>[0]) {
  const headers = claims ? { authorization: `Bearer ${await issuer.token(claims)}` } : undefined;
  const response = await fetch(`${ficus.publicBase}${path}`, headers ? { headers } : {});
  const requestId = response.headers.get('x-request-id')!;
  // That a token was first used is an event of its own.
  const facts = store
    .list({ requestId }, 10)
    .map(factOf)
    .filter(({ kind }) => kind !== 'token');
  return { status: response.status, body: (await response.json()) as Resource, facts, requestId };
}

const NURSE = { scope: 'user/*.rs', sub: 'nurse-7', jti: 'nurse-token', fhirUser: 'Practitioner/17' };
const OFFICER = {
  scope: 'user/AuditEvent.rs',
  sub: 'officer-1',
  jti: 'officer-token',
  roles: ['privacy-officer'],
};
const eventsOf = (body: Resource): Resource[] =>
  ((body['entry'] ?? []) as { resource: Resource }[])
    .map(({ resource }) => resource)
    .filter(({ resourceType }) => resourceType === 'AuditEvent');

describe('the trail of a Ficus with tokens', () => {
  it('tells the privacy officer who asked for whom, by FHIR, without a name', async () => {
    const asked = await get('/DiagnosticReport?patient=p-unknown', NURSE);
    expect(asked.status).toBe(200);
    await get('/Patient?family=Featherstonehaugh', NURSE);
    const { status, body } = await get('/AuditEvent?entity=Patient/p-unknown', OFFICER);
    expect(status).toBe(200);
    const [event, ...more] = eventsOf(body);
    expect(more).toEqual([]);
    expect(validateResource(event!)).toEqual([]);
    expect(event).toMatchObject({
      action: 'E',
      outcome: '0',
      agent: [
        { network: { address: expect.stringContaining('127.0.0.1') as unknown } },
        {},
        {
          who: { reference: 'Practitioner/17', identifier: { system: issuer.url, value: 'nurse-7' } },
          policy: ['urn:ietf:params:oauth:jti:nurse-token'],
        },
      ],
    });
    const all = await get('/AuditEvent?agent=Practitioner/17', OFFICER);
    expect(eventsOf(all.body).length).toBeGreaterThan(1);
    expect(JSON.stringify(all.body)).not.toContain('Featherstonehaugh');
    const one = await get(`/AuditEvent/${event!.id}`, OFFICER);
    expect(one.body).toEqual(event);
  });

  it('tells nobody else, whatever their scopes, and tells of who tried', async () => {
    for (const claims of [NURSE, { ...NURSE, scope: 'system/*.cruds', roles: ['admin', 'viewer'] }]) {
      const { status, facts } = await get('/AuditEvent?date=gt2020', claims);
      expect(status).toBe(403);
      expect(facts).toMatchObject([{ kind: 'audit-read', outcome: 'refused', errorCode: 'forbidden' }]);
    }
    const withoutScope = await get('/AuditEvent?date=gt2020', { ...OFFICER, scope: 'user/Patient.rs' });
    expect(withoutScope).toMatchObject({ status: 403, facts: [{ kind: 'refused', errorCode: 'forbidden' }] });
    const nobody = await get('/AuditEvent?date=gt2020');
    expect(nobody).toMatchObject({ status: 401, facts: [{ kind: 'refused', errorCode: 'unauthenticated' }] });
  });

  it('tells of its being read', async () => {
    const { facts } = await get('/AuditEvent?patient=p-unknown&_count=1', OFFICER);
    expect(facts).toMatchObject([
      { kind: 'audit-read', outcome: 'success', agent: { subject: 'officer-1' } },
    ]);
    const { body } = await get('/AuditEvent?subtype=audit-read&_count=50', OFFICER);
    expect(eventsOf(body).length).toBeGreaterThan(3);
  });

  it('is part of the API that /metadata states', async () => {
    const { body, facts } = await get('/metadata');
    const [rest] = body['rest'] as unknown as {
      resource: { type: string; interaction: { code: string }[] }[];
    }[];
    const row = rest!.resource.find(({ type }) => type === 'AuditEvent');
    expect(row?.interaction.map(({ code }) => code)).toEqual(['read', 'search-type']);
    expect(facts).toEqual([]);
  });

  it('that cannot be written lets nothing be answered, until it can', async () => {
    expect(verifyTrail(store)).toMatchObject({ holds: true });
    const other = new DatabaseSync(file);
    other.exec(
      "CREATE TRIGGER full BEFORE INSERT ON audit_record BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    expect((await get('/DiagnosticReport?patient=p1', NURSE)).status).toBe(503);
    expect((await get('/DiagnosticReport?patient=p1')).status).toBe(503);
    const checks = async () => JSON.stringify(await (await fetch(`${ficus.adminBase}/readyz`)).json());
    expect(await checks()).toContain('the audit trail cannot be written');
    expect(await (await fetch(`${ficus.adminBase}/metrics`)).text()).toContain('ficus_audit_failing 1');
    other.exec('DROP TRIGGER full');
    other.close();
    expect((await get('/DiagnosticReport?patient=p1', NURSE)).status).toBe(200);
    expect(store.list({ kinds: ['admin'] }, 1).map(factOf)).toMatchObject([{ action: 'audit.lost' }]);
    expect(await checks()).not.toContain('audit trail');
    expect(verifyTrail(store)).toMatchObject({ holds: true });
  });
});
