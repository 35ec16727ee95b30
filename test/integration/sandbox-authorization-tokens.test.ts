import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import type { JWK } from 'jose';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorization } from '../support/authorization.ts';
import type { Authorization } from '../support/authorization.ts';

const LAB = 'http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
const LAB_SCOPE = `patient/Observation.rs?category=${LAB}`;

let at: Authorization;

beforeAll(async () => {
  at = await startAuthorization();
});

afterAll(() => at.close());

describe('a refresh token', () => {
  it('gives another token for the same patient, and is good once', async () => {
    const config = await at.app.register();
    const { tokens } = await at.app.launch(config, `launch/patient offline_access ${LAB_SCOPE}`);
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(refreshed['patient']).toBe('p-100001');
    expect(decodeJwt(refreshed.access_token)).toMatchObject({ patient: 'p-100001', sub: 'clinician-p101' });
    expect(decodeJwt(refreshed.access_token)['scope']).toContain(LAB_SCOPE);
    await expect(client.refreshTokenGrant(config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    // Whoever replays it may be a thief, and so may whoever has the one after it.
    expect(await at.introspect(refreshed.access_token)).toEqual({ active: false });
  });

  it('is not given where nobody asked for it', async () => {
    const { tokens } = await at.app.launch(await at.app.register(), 'launch/patient patient/*.rs');
    expect(tokens.refresh_token).toBeUndefined();
  });

  it('takes its access tokens with it when it is revoked', async () => {
    const config = await at.app.register();
    const { tokens } = await at.app.launch(config, 'launch/patient offline_access patient/*.rs');
    const active = await at.introspect(tokens.access_token);
    expect(active).toMatchObject({
      active: true,
      patient: 'p-100001',
      sub: 'clinician-p101',
      fhirUser: `${at.fhirBase}/Practitioner/P101`,
      jti: decodeJwt(tokens.access_token).jti,
    });
    await client.tokenRevocation(config, tokens.refresh_token ?? '');
    expect(await at.introspect(tokens.access_token)).toEqual({ active: false });
    await expect(client.refreshTokenGrant(config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  it('falls with a revoked access token', async () => {
    const config = await at.app.register();
    const { tokens } = await at.app.launch(config, 'launch/patient offline_access patient/*.rs');
    await client.tokenRevocation(config, tokens.access_token);
    expect(await at.introspect(tokens.access_token)).toEqual({ active: false });
    await expect(client.refreshTokenGrant(config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });
});

describe('asking after a token', () => {
  it('needs a client, and tells others nothing', async () => {
    const { tokens } = await at.app.launch(await at.app.register(), 'launch/patient patient/*.rs');
    const body = new URLSearchParams({ token: tokens.access_token });
    const anonymous = await fetch(`${at.issuer}/token/introspection`, { method: 'POST', body });
    expect(anonymous.status).toBe(400);
    expect(await client.tokenIntrospection(await at.app.register(), tokens.access_token)).toEqual({
      active: false,
    });
  });

  it('does not take the name of a token, or what it is kept under, for the token', async () => {
    const { tokens } = await at.app.launch(await at.app.register(), 'launch/patient patient/*.rs');
    const { jti = '' } = decodeJwt(tokens.access_token);
    expect(await at.introspect(jti)).toEqual({ active: false });
    const [head, , signature] = tokens.access_token.split('.');
    const forged = Buffer.from(
      JSON.stringify({ ...decodeJwt(tokens.access_token), patient: 'p-2' }),
    ).toString('base64url');
    expect(await at.introspect(`${head}.${forged}.${signature}`)).toEqual({ active: false });
  });
});

describe('the keys', () => {
  it('rotate with overlap: what the one before signed stays good', async () => {
    const config = await at.app.register();
    const before = (await at.app.launch(config, 'launch/patient offline_access patient/*.rs')).tokens;
    await at.server.rotate();
    const after = (await at.app.launch(config, 'launch/patient patient/*.rs')).tokens;
    const jwks = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri ?? ''));
    const kids = [before, after].map(({ access_token: token }) => decodeProtectedHeader(token).kid);
    expect(new Set(kids).size).toBe(2);
    for (const { access_token: token } of [before, after])
      await jwtVerify(token, jwks, { issuer: at.issuer });
    expect(await at.introspect(before.access_token)).toMatchObject({ active: true });
    expect((await client.refreshTokenGrant(config, before.refresh_token ?? ''))['patient']).toBe('p-100001');
  });

  it('are readable by the owner only', () => {
    for (const name of ['keys.json', 'developer.json'])
      expect(statSync(join(at.stateDir, name)).mode & 0o777).toBe(0o600);
  });

  it('are published without what is private', async () => {
    const published = (await (await fetch(`${at.issuer}/jwks`)).json()) as { keys: JWK[] };
    expect(published.keys.length).toBe(2);
    for (const key of published.keys) expect(Object.keys(key)).not.toContain('d');
  });
});
