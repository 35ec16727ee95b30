import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadContract } from '../../../src/contract/load.ts';
import { smartConfiguration } from '../../../src/security/smart-configuration.ts';

const contract = loadContract(
  readFileSync(new URL('../../../contracts/fhir-r4.yaml', import.meta.url), 'utf8'),
);

const FULL = {
  issuer: 'https://login.example',
  jwks_uri: 'https://login.example/jwks',
  authorization_endpoint: 'https://login.example/authorize',
  token_endpoint: 'https://login.example/token',
  introspection_endpoint: 'https://login.example/introspect',
  revocation_endpoint: 'https://login.example/revoke',
  registration_endpoint: 'https://login.example/register',
  userinfo_endpoint: 'https://login.example/me',
  grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials', 'implicit'],
  code_challenge_methods_supported: ['plain', 'S256'],
  token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'private_key_jwt'],
  scopes_supported: ['openid', 'fhirUser', 'launch', 'launch/patient', 'offline_access', 'admin'],
};

const lists = (metadata: object) =>
  smartConfiguration(metadata as Record<string, unknown>, contract) as Record<string, readonly string[]>;

describe('the SMART configuration', () => {
  it('says what the issuer and we do', () => {
    expect(smartConfiguration(FULL, contract)).toMatchObject({
      issuer: 'https://login.example',
      jwks_uri: 'https://login.example/jwks',
      authorization_endpoint: 'https://login.example/authorize',
      token_endpoint: 'https://login.example/token',
      code_challenge_methods_supported: ['S256'],
      grant_types_supported: ['authorization_code', 'client_credentials', 'refresh_token'],
      capabilities: [
        'launch-ehr',
        'context-ehr-patient',
        'launch-standalone',
        'context-standalone-patient',
        'client-public',
        'client-confidential-symmetric',
        'client-confidential-asymmetric',
        'sso-openid-connect',
        'permission-offline',
        'permission-patient',
        'permission-user',
        'permission-v1',
        'permission-v2',
      ],
    });
    expect(JSON.stringify(smartConfiguration(FULL, contract))).not.toMatch(/plain|implicit|userinfo|admin/);
  });

  it('names the scopes of the contract, and those of the issuer that we know', () => {
    const { scopes_supported: scopes } = lists(FULL);
    expect(scopes).toEqual(
      expect.arrayContaining(['launch/patient', 'patient/*.rs', 'system/ServiceRequest.c']),
    );
    const permissions = contract.interactions('Observation')!;
    expect(permissions).toContain('search');
    expect(scopes!.find((one) => one.startsWith('user/Observation.'))).toMatch(/^user\/Observation\.c?ru?s$/);
    expect(scopes).not.toContain('admin');
  });

  it('promises no launch without PKCE by S256, and no sign-on without launches', () => {
    const { capabilities, code_challenge_methods_supported, ...others } = lists({
      ...FULL,
      code_challenge_methods_supported: ['plain'],
    });
    expect(code_challenge_methods_supported).toEqual([]);
    expect(capabilities!.filter((one) => /^(launch|sso|context|client-public)/.test(one))).toEqual([]);
    expect(others['scopes_supported']!.some((one) => one.startsWith('patient/'))).toBe(false);
    expect(others).not.toHaveProperty('issuer');
  });

  it('of Backend Services alone has system scopes alone', () => {
    const { scopes_supported: scopes } = lists({
      issuer: 'https://login.example',
      token_endpoint: 'https://login.example/token',
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
    });
    expect(scopes!.every((one) => one.startsWith('system/'))).toBe(true);
  });

  it('hands on no address without TLS', () => {
    const document = smartConfiguration({ ...FULL, token_endpoint: 'http://login.example/token' }, contract);
    expect(document).not.toHaveProperty('token_endpoint');
  });
});
