import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT, decodeJwt, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorization } from '../support/authorization.ts';
import type { Authorization } from '../support/authorization.ts';
import { INSECURE } from '../support/smart-app.ts';

let at: Authorization;

beforeAll(async () => {
  at = await startAuthorization();
});

afterAll(() => at.close());

describe('a backend service', () => {
  const READS = { scope: 'system/Observation.rs system/Patient.r' };
  const machine = async (algorithm: 'RS384' | 'ES384', metadata: Partial<client.ClientMetadata> = READS) => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: `key-${algorithm}`, alg: algorithm, use: 'sig' };
    const config = await client.dynamicClientRegistration(
      new URL(at.issuer),
      {
        client_name: 'Reporting',
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [jwk] },
        ...metadata,
      },
      client.PrivateKeyJwt({ key: privateKey, kid: jwk.kid }),
      INSECURE,
    );
    return { config, privateKey, kid: jwk.kid, clientId: config.clientMetadata().client_id };
  };

  it.each(['RS384', 'ES384'] as const)(
    'that signs with %s gets a token of five minutes',
    async (algorithm) => {
      const { config, clientId } = await machine(algorithm);
      const tokens = await client.clientCredentialsGrant(config, {
        scope: 'system/Observation.rs system/Patient.r patient/*.rs launch',
      });
      expect(tokens.expires_in).toBe(300);
      expect(decodeJwt(tokens.access_token)).toMatchObject({
        sub: clientId,
        client_id: clientId,
        aud: at.fhirBase,
        scope: 'system/Observation.rs system/Patient.r',
      });
      expect(await at.introspect(tokens.access_token)).toMatchObject({ active: true, client_id: clientId });
      await client.tokenRevocation(config, tokens.access_token);
      expect(await at.introspect(tokens.access_token)).toEqual({ active: false });
    },
  );

  it('gets what it is registered for, and nothing where that is nothing', async () => {
    const { config } = await machine('ES384');
    const asked = client.clientCredentialsGrant(config, {
      scope: 'system/*.rs system/Encounter.rs system/Patient.rs',
    });
    await expect(asked).rejects.toMatchObject({
      error: 'invalid_scope',
      error_description: expect.stringContaining('registered for none of these scopes'),
    });
    const { scope } = await client.clientCredentialsGrant(config, {
      scope: 'system/Encounter.rs system/Patient.r',
    });
    expect(scope).toBe('system/Patient.r');
    const { config: silent } = await machine('ES384', {});
    const nothing = client.clientCredentialsGrant(silent, { scope: 'system/Patient.r' });
    await expect(nothing).rejects.toMatchObject({ error: 'invalid_scope' });
  });

  it.each(['system/*.rs', 'system/Patient.cruds', 'system/Patient.write', 'system/AuditEvent.rs'])(
    'is not registered for %s',
    async (scope) => {
      await expect(machine('ES384', { scope })).rejects.toMatchObject({
        error: 'invalid_client_metadata',
        error_description: expect.stringContaining(`${scope} is not registered here`),
      });
    },
  );

  it('has a key or a secret: who has neither gets no system/ scope', async () => {
    const scope = 'patient/Patient.r system/Patient.r';
    await expect(at.app.register({ scope })).rejects.toMatchObject({
      error: 'invalid_client_metadata',
      error_description: expect.stringContaining('system/Patient.r is for applications that have a key'),
    });
    const grants = ['authorization_code', 'client_credentials'];
    const open = await at.app.register({ grant_types: grants, scope: 'patient/Patient.r' });
    const asked = client.clientCredentialsGrant(open, { scope: 'system/Patient.r' });
    await expect(asked).rejects.toMatchObject({ error: 'invalid_scope' });
  });

  it('cannot use an assertion twice, nor one with another algorithm', async () => {
    const { privateKey, kid, clientId } = await machine('ES384');
    const post = async (assertion: string) => {
      const response = await fetch(`${at.issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          scope: 'system/Observation.rs',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion,
        }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const claims = { iss: clientId, sub: clientId, aud: `${at.issuer}/token`, jti: 'once' };
    const assertion = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES384', kid })
      .setExpirationTime('2m')
      .sign(privateKey);
    expect((await post(assertion)).status).toBe(200);
    const again = await post(assertion);
    expect(again).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const symmetric = await new SignJWT({ ...claims, jti: 'twice' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('2m')
      .sign(new TextEncoder().encode('x'.repeat(32)));
    expect((await post(symmetric)).body).toMatchObject({ error: 'invalid_client' });
  });
});

describe('a developer', () => {
  const ask = async (parameters: Record<string, string>) => {
    const developer = JSON.parse(readFileSync(join(at.stateDir, 'developer.json'), 'utf8')) as { issuer: string; client_id: string; key: JWK }; // prettier-ignore
    const key = (await importJWK(developer.key, 'ES384')) as CryptoKey;
    const config = await client.discovery(
      new URL(developer.issuer),
      developer.client_id,
      undefined,
      client.PrivateKeyJwt({ key, kid: developer.key.kid ?? '' }),
      INSECURE,
    );
    return client.genericGrantRequest(config, 'urn:ficus:sandbox:developer', parameters);
  };

  it('gets a token of a clinician', async () => {
    const { access_token: token } = await ask({});
    expect(decodeJwt(token)).toMatchObject({
      sub: 'clinician-p101',
      scope: 'user/*.cruds',
      aud: at.fhirBase,
    });
    expect(await at.introspect(token)).toMatchObject({ active: true });
  });

  it('gets one of a patient, by name', async () => {
    const { access_token: token } = await ask({ patient: 'haller', expires_in: '120' });
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({ patient: 'p-100001', fhirUser: `${at.fhirBase}/Patient/p-100001`, scope: 'launch/patient patient/*.cruds' }); // prettier-ignore
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(120);
  });

  it('gets one of the staff, by role', async () => {
    const { access_token: token } = await ask({ role: 'privacy-officer' });
    expect(decodeJwt(token)).toMatchObject({ sub: 'staff-privacy-officer', roles: ['privacy-officer'] });
  });

  it('gets one of a machine, and of another client', async () => {
    const { access_token: token } = await ask({ scope: 'system/*.rs' });
    expect(decodeJwt(token)).toMatchObject({ sub: 'developer', scope: 'system/*.rs' });
    const clientId = (await at.app.register()).clientMetadata().client_id;
    const other = await ask({ scope: 'system/*.rs', for_client: clientId });
    expect(decodeJwt(other.access_token)).toMatchObject({ client_id: clientId });
  });

  it.each([
    [{ user: 'nobody' }, 'no user is called nobody'],
    [{ role: 'emperor' }, 'no user has the role emperor'],
    [{ scope: 'patient/*.rs' }, 'need a patient'],
    [{ expires_in: '-1' }, 'seconds'],
    [{ for_client: 'nobody' }, 'no client'],
  ])('is told what is wrong with %j', async (parameters, words) => {
    const failed = ask(parameters);
    await expect(failed).rejects.toMatchObject({ error_description: expect.stringContaining(words) });
  });

  it('is nobody else', async () => {
    const config = await at.app.register({
      grant_types: ['authorization_code', 'urn:ficus:sandbox:developer'],
    });
    const stolen = client.genericGrantRequest(config, 'urn:ficus:sandbox:developer', {});
    await expect(stolen).rejects.toMatchObject({
      error_description: expect.stringContaining('not for this client'),
    });
  });
});
