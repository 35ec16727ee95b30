import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrailReport } from '../../src/audit/report.ts';
import { demoSecret } from '../../src/cli/demo-config.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import type { SecurityAlert } from '../../src/privacy-ports.ts';
import { askedOften, startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { INSECURE, SmartApp } from '../support/smart-app.ts';

/*
 * A token of one patient has leaked. What whoever found it can have, how the privacy officer finds out whom it reached and puts an end to it, and what is left of it anywhere.
 * The tests are steps, one after the other.
 */

const FICUS = fileURLToPath(new URL('../../bin/ficus.js', import.meta.url));
/** Where the application of the token is, and where whoever found it is. */
const HOME = '198.51.100.7';
const ELSEWHERE = '203.0.113.9';

interface Said {
  readonly path: string;
  readonly status: number;
  readonly requestId: string;
  readonly text: string;
  readonly headers: string;
}

let hospital: Hospital;
let app: client.Configuration;
let tokens: client.TokenEndpointResponse;
/** The patient in context, and another one. */
let own: string;
let other: string;
/** Everything that was answered to the leaked token. */
const answers: Said[] = [];
/** Its id, as the trail has it. */
let tokenId: string;

beforeAll(async () => {
  hospital = await startHospital((loaded) => behindProxy(askedOften(loaded)), { guarded: true });
  const smart = new SmartApp(hospital.sandbox.addresses.authorization ?? '', hospital.base);
  app = await smart.register();
  ({ tokens } = await smart.launch(app, 'launch/patient offline_access patient/*.rs'));
  own = await hospital.patientId('100001');
  other = await hospital.patientId('100002');
});
afterAll(() => hospital?.close());

/** Requests come by a proxy, which says from where. */
function behindProxy({ config, ...loaded }: LoadedConfig): LoadedConfig {
  return { ...loaded, config: { ...config, http: { ...config.http, trustForwarded: ['127.0.0.0/8'] } } };
}

async function get(path: string, token: string, address = HOME): Promise<Said> {
  const response = await fetch(path.startsWith('http') ? path : `${hospital.base}${path}`, {
    headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': address },
  });
  const headers = JSON.stringify([...response.headers]);
  const requestId = response.headers.get('x-request-id') ?? '';
  return { path, status: response.status, requestId, text: await response.text(), headers };
}

/** As whoever found the token. */
async function attack(path: string): Promise<Said> {
  const said = await get(path, tokens.access_token, ELSEWHERE);
  answers.push(said);
  return said;
}

/** `ficus ...`, as it is typed. */
function ficus(...words: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [FICUS, ...words], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

const idsOf = ({ text }: Said): string[] =>
  ((JSON.parse(text) as { entry?: { resource: { resourceType: string; id: string } }[] }).entry ?? [])
    .map(({ resource }) => resource)
    .filter(({ resourceType }) => resourceType !== 'OperationOutcome')
    .map(({ resourceType, id }) => `${resourceType}/${id}`);

describe('a leaked token', () => {
  it('is in use where it belongs', async () => {
    expect((await get(`/Patient/${own}`, tokens.access_token)).status).toBe(200);
  });

  it('gives what its patient may have', async () => {
    expect((await attack(`/Patient/${own}`)).status).toBe(200);
    const found = await attack(`/Observation?patient=${own}&_include=Observation:patient`);
    expect(idsOf(found)).toContain(`Patient/${own}`);
  });

  it.each([
    ['a read', () => `/Patient/${other}`],
    ['a search', () => `/Observation?patient=${other}`],
    ['a search by number', () => '/Patient?identifier=urn:oid:2.999.1.1%7C100002'],
    ['an inclusion', () => `/Patient?_id=${other}&_revinclude=Observation:patient`],
    ['a chain', () => '/Observation?patient.identifier=urn:oid:2.999.1.1%7C100002'],
    ['the trail', () => `/AuditEvent?patient=Patient/${other}`],
  ])('gives nothing of another by %s', async (_, path) => {
    const said = await attack(path());
    if (said.status === 200) expect(idsOf(said)).toEqual([]);
    else expect([400, 403, 404]).toContain(said.status);
    expect(said.text).not.toContain(other);
  });

  it('includes nobody else, and exports nobody', async () => {
    const inclusions = '_include=Observation:patient&_include=Observation:encounter';
    const said = await attack(`/Observation?patient=${own}&${inclusions}&_count=100`);
    expect(said.status).toBe(200);
    const patients = idsOf(said).filter((id) => id.startsWith('Patient/'));
    expect(patients).toEqual([`Patient/${own}`]);
    // Whatever is no part of the API is nobody's data, and not in the trail.
    expect((await get('/Group/all/$export', tokens.access_token)).status).toBe(404);
  });

  it('opens nothing of the admin API', async () => {
    const { adminBase } = hospital.ficus;
    for (const path of ['/routes', '/migration', '/security/revocations', '/feed', '/openapi.json'])
      expect([401, 403]).toContain((await get(`${adminBase}${path}`, tokens.access_token)).status);
  });
});

describe('the privacy officer', () => {
  let officer: string;
  let report: TrailReport;
  /** The first answer to the token after it was revoked. */
  let refused: Said;

  it('is told that a token is used from a new network as it never was, and how to go on', async () => {
    officer = await hospital.token({ role: 'privacy-officer', scope: 'user/AuditEvent.rs' });
    const where = ['--admin', hospital.ficus.adminBase, '--token', officer];
    const { code, stdout, stderr } = await ficus('security', 'alerts', '--json', ...where);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { alerts } = JSON.parse(stdout) as { alerts: (SecurityAlert & { trail: string })[] };
    expect(alerts).toEqual([
      expect.objectContaining({ tokenId: jtiOf(tokens.access_token), anomalies: ['refused'] }),
    ]);
    const [alert] = alerts;
    expect(alert?.networks.known.map(({ network }) => network)).toEqual(['198.51.100.0/24']);
    expect(alert?.networks.strange.map(({ network }) => network)).toEqual(['203.0.113.0/24']);
    expect(alert?.counts.known.refused).toBe(0);
    const trail = await get(alert!.trail, officer);
    expect(trail.status).toBe(200);
    expect(trail.text).toContain(answers[0]!.requestId);
    expect(trail.text).toContain('security-alert');
    const words = await ficus('security', 'alerts', ...where);
    expect(words.stdout).toContain(`ficus audit trail --token ${alert!.tokenId}`);
    expect(words.stdout).toContain(`ficus security revoke --token-id ${alert!.tokenId}`);
  });

  it('is the one who is told, with those who run Ficus', async () => {
    const path = `${hospital.ficus.adminBase}/security/alerts`;
    expect((await get(path, await hospital.token({ role: 'viewer' }))).status).toBe(403);
    expect((await get(path, await hospital.token({ role: 'admin' }))).status).toBe(200);
    expect((await metricsText()).split('\n')).toEqual(
      expect.arrayContaining(['ficus_security_alerts_open 1', 'ficus_security_alerts_total 1']),
    );
  });

  it('finds the token in what was done with the patient’s data', async () => {
    const found = await get(`/AuditEvent?entity=Patient/${own}&subtype=read`, officer);
    expect(found.status).toBe(200);
    const ids = found.text.match(/(?<=urn:ietf:params:oauth:jti:)[^"]+/g) ?? [];
    tokenId = jtiOf(tokens.access_token);
    expect(ids).toContain(tokenId);
  });

  it('revokes it, and the next call is refused, though the issuer has heard of nothing', async () => {
    expect((await attack(`/Patient/${own}`)).status).toBe(200);
    const before = await get(`/Patient/${own}`, await hospital.token());
    const where = ['--admin', hospital.ficus.adminBase, '--token', officer];
    const { code, stdout, stderr } = await ficus(
      'security', 'revoke', '--token-id', tokenId, '--reason', 'found in a public repository', ...where,
    ); // prettier-ignore
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`token ${tokenId}`);
    refused = await attack(`/Patient/${own}`);
    expect(refused.status).toBe(401);
    expect(refused.headers).toContain('invalid_token');
    expect((await introspected(tokens.access_token)).active).toBe(true);
    expect(before.status).toBe(200);
    expect((await get(`/Patient/${own}`, await hospital.token())).status).toBe(200);
  });

  it('has it revoked where it was made, and nothing comes of it any more', async () => {
    await client.tokenRevocation(app, tokens.refresh_token ?? '');
    expect((await introspected(tokens.access_token)).active).toBe(false);
    const refreshed = client.refreshTokenGrant(app, tokens.refresh_token ?? '');
    await expect(refreshed).rejects.toMatchObject({ error: 'invalid_grant' });
    expect((await attack(`/Patient/${own}`)).status).toBe(401);
  });

  it('sees every event of it: whose data, what, when', async () => {
    const { code, stdout, stderr } = await ficus('audit', 'trail', '--token', tokenId, '--state', hospital.state, '--json'); // prettier-ignore
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    report = JSON.parse(stdout) as TrailReport;
    const told = new Set(report.timeline.map(({ requestId }) => requestId));
    // Refusals that are alike within seconds are counted together: the first has an event of its own.
    const known = [...answers.filter(({ status }) => status !== 401), refused];
    expect(known.filter(({ requestId }) => !told.has(requestId)).map(({ path }) => path)).toEqual([]);
    const seen = report.timeline.filter(
      ({ outcome, patient }) => outcome === 'success' && patient !== undefined,
    );
    expect(new Set(seen.map(({ patient }) => patient))).toEqual(new Set([own]));
    expect(report.categories).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'read', type: 'Patient', outcome: 'success', events: 3 }),
        expect.objectContaining({ kind: 'query', type: 'Observation', outcome: 'success' }),
      ]),
    );
    expect(report.callers.map(({ client: one }) => one)).toContain(app.clientMetadata().client_id);
    for (const { at } of report.timeline) expect(Date.parse(at)).not.toBeNaN();
    expect(report.timeline.map(({ at }) => at)).toEqual(report.timeline.map(({ at }) => at).toSorted());
  });

  it('writes down what was disclosed by it, for the patient’s account', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ficus-disclosures-'));
    const out = join(folder, 'disclosures.csv');
    const asked = ['--token', tokenId, '--state', hospital.state, '--out', out];
    const { code, stderr } = await ficus('audit', 'disclosures', ...asked);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = readFileSync(out, 'utf8').trim().split('\r\n').slice(1);
    rmSync(folder, { recursive: true });
    const told = lines.join('\n');
    // What was given is there, and what was asked for in vain of somebody else is told as a search of that one.
    for (const { requestId } of answers.filter(({ status, text }) => status === 200 && text.includes(own)))
      expect(told).toContain(requestId);
    for (const { requestId } of answers.filter(({ status }) => status >= 400))
      expect(told).not.toContain(requestId);
    const { stdout } = await ficus('audit', 'trail', '--patient', own, '--state', hospital.state);
    expect(stdout).toMatch(/\| export \| audit.disclosures \| success \|/);
  });

  it('says what the alert was, and is done with it', async () => {
    const where = ['--admin', hospital.ficus.adminBase, '--token', officer];
    const listed = await ficus('security', 'alerts', '--json', ...where);
    const { alerts } = JSON.parse(listed.stdout) as { alerts: SecurityAlert[] };
    const { id } = alerts[0]!;
    const note = ['--note', 'It was found in a public repository, and is revoked.'];
    const acknowledged = await ficus('security', 'alerts', 'ack', id, ...note, ...where);
    expect(acknowledged).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('staff-privacy-officer'),
    });
    expect((await ficus('security', 'alerts', 'ack', id, ...note, ...where)).code).toBe(1);
    expect((await ficus('security', 'alerts', ...where)).stdout).toBe('There are none.\n');
    expect((await metricsText()).split('\n')).toContain('ficus_security_alerts_open 0');
  });

  it('left a trail of that', async () => {
    const revoked = await get('/AuditEvent?subtype=admin&_count=50', officer);
    expect(revoked.text).toContain('security.addRevocation');
    expect(revoked.text).toContain('staff-privacy-officer');
  });
});

describe('afterwards', () => {
  it('no log line, metric, header or error has the token, a name or a number', async () => {
    const clinician = await hospital.token();
    const metrics = await get(
      `${hospital.ficus.adminBase}/metrics`,
      await hospital.token({ role: 'viewer' }),
    );
    const persons = await Promise.all([own, other].map((id) => get(`/Patient/${id}`, clinician)));
    const names = persons.flatMap(({ text }) =>
      (JSON.parse(text) as { name: { family: string }[] }).name.map(({ family }) => family),
    );
    const plain = [...names, '100001', '100002'].map((one) => new RegExp(`(?<!\\w)${one}(?!\\d)`));
    const pieces = [tokens.access_token, tokens.refresh_token ?? ''].flatMap(piecesOf);
    const isRare = (text: string): boolean =>
      plain.some((one) => one.test(text)) || pieces.some((one) => text.includes(one));
    expect(pieces.length).toBeGreaterThan(100);
    expect(names.length).toBeGreaterThanOrEqual(2);
    expect(persons.map(({ text }) => isRare(text))).toEqual([true, true]);
    expect(hospital.log().length).toBeGreaterThan(20);
    const found = [
      ...hospital.log().map((line) => JSON.stringify(line)),
      ...metrics.text.split('\n'),
      ...answers.map(({ headers }) => headers),
      ...answers.filter(({ status }) => status >= 400).map(({ text }) => text),
    ].filter((text) => isRare(text));
    expect(found).toEqual([]);
  });

  it('the trail is whole, and one byte that was changed shows', async () => {
    const verify = () => ficus('audit', 'verify', '--state', hospital.state);
    expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringContaining('is whole') });
    const file = new DatabaseSync(join(hospital.state, 'audit.sqlite'));
    file.exec('DROP TRIGGER audit_record_is_append_only');
    const { sequence, body } = file
      .prepare('SELECT sequence, body FROM audit_record WHERE body LIKE \'%"read"%\' LIMIT 1')
      .get() as { sequence: number; body: string };
    const change = file.prepare('UPDATE audit_record SET body = ? WHERE sequence = ?');
    change.run(body.replace('"read"', '"reae"'), sequence);
    expect(await verify()).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`record ${sequence}`),
    });
    change.run(body, sequence);
    file.close();
    expect((await verify()).code).toBe(0);
  });
});

async function metricsText(): Promise<string> {
  return (await get(`${hospital.ficus.adminBase}/metrics`, '')).text;
}

function jtiOf(token: string): string {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return (JSON.parse(claims) as { jti: string }).jti;
}

/** Every sixteen characters of a token that stand together. */
function piecesOf(token: string): string[] {
  return Array.from({ length: Math.max(0, token.length - 15) }, (_, at) => token.slice(at, at + 16));
}

/** What the issuer tells a resource server. */
async function introspected(token: string): Promise<client.IntrospectionResponse> {
  const secret = client.ClientSecretBasic(demoSecret(hospital.state, 'introspection'));
  const issuer = new URL(hospital.sandbox.addresses.authorization ?? '');
  const server = await client.discovery(issuer, 'ficus', undefined, secret, INSECURE);
  return client.tokenIntrospection(server, token);
}
