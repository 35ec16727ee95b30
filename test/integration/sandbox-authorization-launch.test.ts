import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorization } from '../support/authorization.ts';
import type { Authorization } from '../support/authorization.ts';
import { Browser, choices, leaving } from '../support/browser.ts';
import { CALLBACK } from '../support/smart-app.ts';

const LAB = 'http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
const LAB_SCOPE = `patient/Observation.rs?category=${LAB}`;

let at: Authorization;

beforeAll(async () => {
  at = await startAuthorization();
});

afterAll(() => at.close());

describe('a standalone launch', () => {
  it('asks who, which patient and what, and gives a token that says so', async () => {
    const config = await at.app.register();
    const scope = `openid fhirUser launch/patient offline_access ${LAB_SCOPE}`;
    const { consent, tokens } = await at.app.launch(config, scope);
    expect(consent.text).toContain(
      'Read and search Observation records of the chosen patient, only with category laboratory',
    );
    expect(tokens['patient']).toBe('p-100001');
    expect(tokens['need_patient_banner']).toBe(true);
    expect(new Set(tokens.scope?.split(' '))).toEqual(new Set(scope.split(' ')));
    const jwks = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri ?? ''));
    const { payload, protectedHeader } = await jwtVerify(tokens.access_token, jwks, {
      issuer: at.issuer,
      audience: at.fhirBase,
      typ: 'at+jwt',
    });
    expect(protectedHeader.alg).toBe('RS256');
    expect(payload).toMatchObject({
      sub: 'clinician-p101',
      client_id: config.clientMetadata().client_id,
      patient: 'p-100001',
      fhirUser: `${at.fhirBase}/Practitioner/P101`,
      need_patient_banner: true,
      purpose_of_use: ['TREAT'],
    });
    expect(payload.jti).toBeTypeOf('string');
    expect(payload['scope']).toContain(LAB_SCOPE);
    expect(tokens.claims()).toMatchObject({
      sub: 'clinician-p101',
      fhirUser: `${at.fhirBase}/Practitioner/P101`,
    });
  });

  it('looks the patient up with a token of its own', () => {
    const search = at.asked.find(({ url }) => url.includes('identifier=urn%3Aoid%3A2.999.1.1%7C100001'));
    const token = search?.authorization?.replace('Bearer ', '') ?? '';
    expect(decodeJwt(token)).toMatchObject({
      aud: at.fhirBase,
      scope: 'system/Patient.rs system/Encounter.rs',
    });
  });

  it('gives what was agreed to and nothing else', async () => {
    const config = await at.app.register();
    const begun = await at.app.begin(config, 'launch/patient patient/Observation.rs patient/Condition.rs');
    const picker = await begun.browser.submit(begun.page, { user: 'clinician-p101' });
    const consent = await begun.browser.submit(picker, { patient: 'HOSP|100001' });
    const scope = ['launch/patient', 'patient/Observation.rs'];
    const callback = await leaving(begun.browser.submit(consent, { step: 'agree', scope }));
    const tokens = await at.app.exchange(config, callback, begun);
    expect(new Set(tokens.scope?.split(' '))).toEqual(new Set(scope));
    expect(decodeJwt(tokens.access_token)['scope']).not.toContain('Condition');
  });

  it('gives nothing to an application that was refused', async () => {
    const begun = await at.app.begin(await at.app.register(), 'launch/patient patient/*.rs');
    const picker = await begun.browser.submit(begun.page, { user: 'clinician-p101' });
    const consent = await begun.browser.submit(picker, { patient: 'HOSP|100001' });
    const callback = await leaving(begun.browser.submit(consent, { step: 'refuse' }));
    expect(callback.searchParams.get('error')).toBe('access_denied');
    expect(callback.searchParams.get('code')).toBeNull();
  });

  it('asks a patient for no other patient', async () => {
    const config = await at.app.register();
    const begun = await at.app.begin(config, 'launch/patient patient/*.rs');
    const consent = await begun.browser.submit(begun.page, { patient: 'HOSP|100002' });
    const agreed = { step: 'agree', scope: choices(consent, 'scope') };
    const tokens = await at.app.exchange(config, await leaving(begun.browser.submit(consent, agreed)), begun);
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      patient: 'p-100002',
      fhirUser: `${at.fhirBase}/Patient/p-100002`,
    });
  });

  it('leaves out scopes of machines, and those it does not know', async () => {
    const { tokens } = await at.app.launch(
      await at.app.register(),
      'launch/patient patient/*.rs system/*.rs what/ever',
    );
    expect(tokens.scope).toBe('launch/patient patient/*.rs');
  });

  it('gives no data scope beyond those that an application was registered with', async () => {
    const config = await at.app.register({ scope: 'launch/patient patient/Condition.rs' });
    expect(config.clientMetadata()['scope']).toBe('launch/patient patient/Condition.rs');
    const { tokens } = await at.app.launch(
      config,
      'launch/patient patient/Condition.rs patient/Observation.rs',
    );
    expect(tokens.scope).toBe('launch/patient patient/Condition.rs');
  });

  it('wants aud to be the FHIR API that its tokens are for', async () => {
    const config = await at.app.register();
    for (const aud of ['https://other.example/fhir', '']) {
      const browser = new Browser(at.issuer);
      const address = client.buildAuthorizationUrl(config, {
        redirect_uri: CALLBACK,
        scope: 'patient/*.rs',
        code_challenge: 'x'.repeat(43),
        code_challenge_method: 'S256',
        ...(aud === '' ? {} : { aud }),
      });
      const callback = await leaving(browser.open(address));
      expect(callback.searchParams.get('error')).toBe('invalid_request');
      expect(callback.searchParams.get('error_description')).toContain(at.fhirBase);
    }
  });
});

describe('a launch out of the record system', () => {
  const launchUri = 'http://localhost:3999/launch';
  const launched = async (): Promise<URL> => {
    const browser = new Browser(at.issuer);
    const page = await browser.open(`${at.issuer}/ehr`);
    const application = choices(page, 'client').at(-1) ?? '';
    return leaving(
      browser.submit(page, { user: 'clinician-p104', patient: 'HOSP|100001', client: application }),
    );
  };

  it('takes user, patient and visit from there, once', async () => {
    const config = await at.app.register({ launch_uri: launchUri });
    const address = await launched();
    expect(`${address.origin}${address.pathname}`).toBe(launchUri);
    expect(address.searchParams.get('iss')).toBe(at.fhirBase);
    const launch = address.searchParams.get('launch') ?? '';
    const scope = 'launch openid fhirUser patient/*.rs';
    const begun = await at.app.begin(config, scope, { launch });
    const agreed = { step: 'agree', scope: choices(begun.page, 'scope') };
    const callback = await leaving(begun.browser.submit(begun.page, agreed));
    const tokens = await at.app.exchange(config, callback, begun);
    expect(tokens).toMatchObject({ patient: 'p-100001', encounter: 'visit-7', need_patient_banner: false });
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      sub: 'clinician-p104',
      patient: 'p-100001',
      encounter: 'visit-7',
    });
    const again = await at.app.begin(config, scope, { launch }).catch((error: unknown) => error);
    expect(String((again as { url?: URL }).url)).toContain('error=invalid_request');
  });

  it('refuses a launch that nobody began', async () => {
    const config = await at.app.register();
    for (const parameters of [{ launch: 'made-up' }, {}]) {
      const left = await at.app
        .begin(config, 'launch patient/*.rs', parameters)
        .catch((error: unknown) => error);
      expect(String((left as { url?: URL }).url)).toContain('error=invalid_request');
    }
  });

  it('leads to registered applications only', async () => {
    const elsewhere = at.app.register({ launch_uri: 'https://evil.example/launch' });
    await expect(elsewhere).rejects.toMatchObject({
      cause: { error_description: expect.stringContaining('origin') },
    });
  });

  it('can be begun by a program', async () => {
    const response = await fetch(`${at.issuer}/sandbox/launches`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: 'clinician-p101', patient: 'p-9', encounter: 'v-1' }),
    });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ iss: at.fhirBase, launch: expect.any(String) });
  });
});
