import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limitsConfig } from '../../src/config/limits-schema.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { Browser, choices, leaving } from '../support/browser.ts';
import { askedOften, startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { CALLBACK, INSECURE, SmartApp } from '../support/smart-app.ts';

/** An application's first day: registered, launched, held to what it was given, and put out again. Over the wire from end to end. */
const LAB = 'http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
const LAB_SCOPE = `patient/Observation.rs?category=${LAB}`;
/** Requests of one client in a minute: as few as the other tests leave room for. */
const MOST = 60;

interface Bundle {
  readonly resourceType: string;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly {
    readonly resource: Readonly<Record<string, unknown>> & {
      readonly resourceType: string;
      readonly id: string;
    };
    readonly search: { readonly mode: string };
  }[];
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Bundle & {
    readonly issue?: readonly { readonly code: string; readonly details: { coding: { code: string }[] } }[];
  };
}

let hospital: Hospital;
let app: SmartApp;
let issuer: string;
/** The patient in context, and another one. */
let haller: string;
let other: string;

/** Held to few requests. */
function watchful(loaded: LoadedConfig): LoadedConfig {
  const { baseDir, config } = askedOften(loaded);
  return {
    baseDir,
    config: { ...config, limits: limitsConfig.parse({ client: { requests: MOST, seconds: 60 } }) },
  };
}

beforeAll(async () => {
  hospital = await startHospital(watchful, { guarded: true });
  issuer = hospital.sandbox.addresses.authorization ?? '';
  app = new SmartApp(issuer, hospital.base);
  haller = await hospital.patientId('100001');
  other = await hospital.patientId('100002');
});
afterAll(() => hospital.close());

async function get(path: string, token?: string): Promise<Answer> {
  const response = await fetch(path.startsWith('http') ? path : `${hospital.base}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer['body'],
  };
}

/** Launched out of the record system with the first patient open. */
async function launchFromRecord(
  scope: string,
): Promise<{ config: client.Configuration; tokens: client.TokenEndpointResponse }> {
  const config = await app.register({ launch_uri: 'http://localhost:3999/launch' });
  const record = new Browser(issuer);
  const page = await record.open(`${issuer}/ehr`);
  const chosen = {
    user: 'clinician-p101',
    patient: 'HOSP|100001',
    client: config.clientMetadata().client_id,
  };
  const launched = await leaving(record.submit(page, chosen));
  const launch = launched.searchParams.get('launch') ?? '';
  expect(launched.searchParams.get('iss')).toBe(hospital.base);
  const begun = await app.begin(config, scope, { launch });
  const agreed = { step: 'agree', scope: choices(begun.page, 'scope') };
  const callback = await leaving(begun.browser.submit(begun.page, agreed));
  return { config, tokens: await app.exchange(config, callback, begun) };
}

/** Everything of a patient that an answer gives away, matches and inclusions alike. */
function resourcesOf({ body }: Answer) {
  return (body.entry ?? [])
    .map(({ resource }) => resource)
    .filter(({ resourceType }) => resourceType !== 'OperationOutcome');
}

/** Refused, or answered with nothing. */
function expectNothing(answer: Answer): void {
  if (answer.status === 200) expect(resourcesOf(answer)).toEqual([]);
  else expect([400, 403, 404]).toContain(answer.status);
}

describe('an application', () => {
  it('is told where tokens are had, and gets nothing without one', async () => {
    const { body } = await get('/.well-known/smart-configuration');
    expect(body).toMatchObject({
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      code_challenge_methods_supported: ['S256'],
    });
    const refused = await get(`/Patient/${haller}`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('that mistyped its address is told so, mends it in place, and is launched', async () => {
    const wrong = 'http://localhost:3999/calback';
    const config = await app.register({ redirect_uris: [wrong] });
    const { page } = await app.begin(config, 'launch/patient patient/*.rs');
    expect(page.status).toBe(400);
    expect(page.text).toContain(wrong);
    expect(page.text).toContain(CALLBACK);
    expect(page.text).toContain(page.headers.get('x-request-id'));
    const own = config.clientMetadata() as Record<string, string | undefined> & { client_id: string };
    const mended = await fetch(own['registration_client_uri'] ?? '', {
      method: 'PUT',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${own['registration_access_token']}`,
      },
      body: JSON.stringify({
        client_id: own.client_id,
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: 'none',
      }),
    });
    expect(mended.status).toBe(200);
    const same = await client.discovery(new URL(issuer), own.client_id, undefined, client.None(), INSECURE);
    const { tokens } = await app.launch(same, 'launch/patient patient/Patient.r');
    expect(tokens['patient']).toBe(haller);
    expect((await get(`/Patient/${haller}`, tokens.access_token)).status).toBe(200);
  });
});

describe('a token for laboratory results of one patient', () => {
  let token: string;

  beforeAll(async () => {
    token = (await launchFromRecord(`launch openid fhirUser ${LAB_SCOPE}`)).tokens.access_token;
  });

  it('gives these results, and no others', async () => {
    const clinician = await hospital.token();
    const all = resourcesOf(await get(`/Observation?patient=${haller}&_count=100`, clinician));
    const isLab = ({ category }: Record<string, unknown>) =>
      JSON.stringify(category).includes('"laboratory"');
    expect(all.some((one) => !isLab(one))).toBe(true);
    const given = resourcesOf(await get(`/Observation?patient=${haller}&_count=100`, token));
    expect(given.map(({ id }) => id).toSorted()).toEqual(
      all
        .filter(isLab)
        .map(({ id }) => id)
        .toSorted(),
    );
    const hidden = all.find((one) => !isLab(one));
    expectNothing(await get(`/Observation/${hidden?.id}`, token));
  });

  it('gives no other type', async () => {
    expect((await get(`/Patient/${haller}`, token)).status).toBe(403);
    expect((await get(`/AllergyIntolerance?patient=${haller}`, token)).status).toBe(403);
    const included = await get(`/Observation?patient=${haller}&_include=Observation:patient`, token);
    expect(resourcesOf(included).filter(({ resourceType }) => resourceType === 'Patient')).toEqual([]);
  });
});

describe('a token of one patient', () => {
  let token: string;

  beforeAll(async () => {
    token = (await app.launch(await app.register(), 'launch/patient patient/*.rs')).tokens.access_token;
  });

  it('reads that one', async () => {
    expect((await get(`/Patient/${haller}`, token)).status).toBe(200);
    expect(resourcesOf(await get(`/Observation?patient=${haller}`, token)).length).toBeGreaterThan(0);
  });

  it.each([
    ['a read', () => `/Patient/${other}`],
    ['a search', () => `/Observation?patient=${other}`],
    ['a search for the patient', () => `/Patient?_id=${other}`],
    ['a search by number', () => `/Patient?identifier=urn:oid:2.999.1.1%7C100002`],
    ['a chain', () => `/Observation?patient.identifier=urn:oid:2.999.1.1%7C100002`],
    ['a reverse inclusion', () => `/Patient?_id=${other}&_revinclude=Observation:patient`],
  ])('gives nothing of another by %s', async (_, path) => {
    expectNothing(await get(path(), token));
  });

  it('gives nothing of another by somebody else’s page token', async () => {
    const clinician = await hospital.token();
    const { body } = await get(`/Observation?patient=${other}&_count=1`, clinician);
    const next = body.link.find(({ relation }) => relation === 'next')?.url;
    expect(next).toBeDefined();
    expect(resourcesOf(await get(next ?? '', clinician)).length).toBe(1);
    expectNothing(await get(next ?? '', token));
  });

  it('gives nothing of another in a batch', async () => {
    const request = { method: 'GET', url: `Patient/${other}` };
    const response = await fetch(hospital.base, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: [{ request }] }),
    });
    const text = await response.text();
    expect(text).toMatch(/"status":"40[34]/);
    expect(text).not.toContain('birthDate');
  });
});

describe('a token that is taken back', () => {
  it('is good for no more than a few seconds, with what came of it', async () => {
    const config = await app.register();
    const { tokens } = await app.launch(config, 'launch/patient offline_access patient/*.rs');
    const status = async () => (await get(`/Patient/${haller}`, tokens.access_token)).status;
    expect(await status()).toBe(200);
    await client.tokenRevocation(config, tokens.refresh_token ?? '');
    await expect.poll(status, { interval: 250 }).toBe(401);
    const refreshed = client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    await expect(refreshed).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});

describe('an application that asks too much', () => {
  it('is told when it may ask again, while others are answered', async () => {
    const { tokens } = await app.launch(await app.register(), 'launch/patient patient/*.rs');
    const ask = () => get(`/Patient/${haller}`, tokens.access_token);
    let answer = await ask();
    for (let i = 0; i <= MOST && answer.status === 200; i += 1) answer = await ask();
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.headers.get('ratelimit-remaining') ?? answer.headers.get('ratelimit')).toMatch(/^0$|r=0/);
    expect(answer.body.issue?.[0]?.code).toBe('throttled');
    const another = (await app.launch(await app.register(), 'launch/patient patient/*.rs')).tokens
      .access_token;
    expect((await get(`/Patient/${haller}`, another)).status).toBe(200);
  });
});
