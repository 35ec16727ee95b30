import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthorizationServer } from '../../sandbox/authorization/index.ts';
import { startAuthorization } from '../support/authorization.ts';
import type { Authorization } from '../support/authorization.ts';
import { Browser, choices, leaving } from '../support/browser.ts';
import { CALLBACK, INSECURE, SmartApp } from '../support/smart-app.ts';

let at: Authorization;

beforeAll(async () => {
  at = await startAuthorization();
});

afterAll(() => at.close());

describe('a code', () => {
  it('wants PKCE with S256', async () => {
    const config = await at.app.register();
    for (const parameters of [{}, { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }]) {
      const address = client.buildAuthorizationUrl(config, {
        redirect_uri: CALLBACK,
        scope: 'patient/*.rs',
        aud: at.fhirBase,
        ...parameters,
      });
      const callback = await leaving(new Browser(at.issuer).open(address));
      expect(callback.searchParams.get('error')).toBe('invalid_request');
    }
  });

  it('is good once, and a replay takes its tokens back', async () => {
    const config = await at.app.register();
    const { begun, callback, tokens } = await at.app.launch(config, 'launch/patient patient/*.rs');
    expect(await at.introspect(tokens.access_token)).toMatchObject({ active: true });
    await expect(at.app.exchange(config, callback, begun)).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(await at.introspect(tokens.access_token)).toEqual({ active: false });
  });

  it('is for the one who knows the verifier', async () => {
    const config = await at.app.register();
    const begun = await at.app.begin(config, 'launch/patient patient/*.rs');
    const picker = await begun.browser.submit(begun.page, { user: 'clinician-p101' });
    const consent = await begun.browser.submit(picker, { patient: 'HOSP|100001' });
    const agreed = { step: 'agree', scope: choices(consent, 'scope') };
    const callback = await leaving(begun.browser.submit(consent, agreed));
    const thief = { ...begun, verifier: client.randomPKCECodeVerifier() };
    await expect(at.app.exchange(config, callback, thief)).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});

describe('an address to answer at', () => {
  it('that is mistyped is named on a page with its id, and nobody is sent there', async () => {
    const config = await at.app.register();
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: `${CALLBACK}/`,
      scope: 'patient/*.rs',
      aud: at.fhirBase,
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    });
    const page = await new Browser(at.issuer).open(address);
    expect(page.status).toBe(400);
    expect(page.text).toContain(`<code>${CALLBACK}/</code>`);
    expect(page.text).toContain(`<code>${CALLBACK}</code>`);
    const requestId = page.headers.get('x-request-id') ?? '';
    expect(page.text).toContain(requestId);
    expect(at.refusals.find((one) => one.requestId === requestId)).toMatchObject({
      error: 'invalid_redirect_uri',
    });
  });

  it('of an unknown application leads nowhere', async () => {
    const evil = 'https://evil.example/"><script>alert(1)</script>';
    const query = new URLSearchParams({ client_id: evil, redirect_uri: evil, response_type: 'code' });
    const page = await new Browser(at.issuer).open(`${at.issuer}/auth?${query.toString()}`);
    expect(page.status).toBe(400);
    expect(page.text).not.toContain('<script');
    expect(page.text).toContain('&lt;script&gt;');
  });

  it('can be mended in place', async () => {
    const registered = await fetch(`${at.issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Typo', redirect_uris: ['http://localhost:3999/calback'], token_endpoint_auth_method: 'none' }), // prettier-ignore
    });
    const app = (await registered.json()) as Record<string, string>;
    const mended = await fetch(app['registration_client_uri'] ?? '', {
      method: 'PUT',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${app['registration_access_token']}`,
      },
      body: JSON.stringify({ client_id: app['client_id'], client_name: 'Typo', redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none' }), // prettier-ignore
    });
    expect(mended.status).toBe(200);
    const config = await client.discovery(
      new URL(at.issuer),
      app['client_id'] ?? '',
      undefined,
      client.None(),
      INSECURE,
    );
    const { tokens } = await at.app.launch(config, 'launch/patient patient/*.rs');
    expect(tokens['patient']).toBe('p-100001');
  });

  it('that cannot be one is refused with a reason and an id', async () => {
    const response = await fetch(`${at.issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['javascript:alert(1)'] }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: 'invalid_redirect_uri',
      error_description: 'redirect_uris must only contain web uris',
      request_id: response.headers.get('x-request-id'),
    });
  });
});

describe('the pages', () => {
  it('have no script, nothing from elsewhere and cannot be framed', async () => {
    const { page } = await at.app.begin(await at.app.register(), 'launch/patient patient/*.rs');
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self' http://localhost:3999");
    expect(page.text).not.toMatch(/<script|https?:\/\/(?!127)/);
    expect(page.text).toContain('O&#39;Neill &amp; &lt;b&gt;Söhne&lt;/b&gt;');
  });

  it('answer under their own name, and take no form of another site', async () => {
    const { page } = await at.app.begin(await at.app.register(), 'launch/patient patient/*.rs');
    const foreign = await fetch(page.url, { method: 'POST', headers: { origin: 'https://evil.example' } });
    expect(foreign.status).toBe(403);
    const { port } = new URL(at.issuer);
    const rebound = await fetch(`http://localhost:${port}/`);
    expect(rebound.status).toBe(421);
  });

  it('are on loopback only', async () => {
    const open = createAuthorizationServer({
      host: '0.0.0.0',
      port: 0,
      fhirBase: () => at.fhirBase,
      patients: () => [],
    });
    await expect(open).rejects.toThrow('loopback only');
  });
});

describe('a FHIR API that does not answer', () => {
  it('is told on the page and to programs, and nothing is given', async () => {
    const silent = 'http://127.0.0.1:9/fhir/r4';
    const alone = await createAuthorizationServer({
      port: 0,
      fhirBase: () => silent,
      patients: () => [
        { mrn: '1', authority: 'HOSP', name: 'Haller', birthDate: '1962', about: '', ordinary: false },
      ],
    });
    try {
      const app = new SmartApp(alone.issuer, silent);
      const { browser, page } = await app.begin(await app.register(), 'launch/patient patient/*.rs');
      const picker = await browser.submit(page, { user: 'clinician-p101' });
      const told = await browser.submit(picker, { patient: 'HOSP|1' });
      expect(told.status).toBe(503);
      expect(told.text).toContain(`The FHIR API at ${silent} does not answer`);
      const launch = await fetch(`${alone.issuer}/sandbox/launches`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user: 'clinician-p101', patient: 'HOSP|1' }),
      });
      expect(launch.status).toBe(503);
    } finally {
      await alone.close();
    }
  });
});
