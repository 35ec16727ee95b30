import type { Contract } from '../contract/contract.ts';
import type { Interaction } from '../fhir/types.ts';
import { kindOf } from './compartment.ts';
import type { Claims } from './token/rules.ts';

/** `.well-known/smart-configuration` (SMART App Launch 2.2.0, conformance). */
export type SmartConfiguration = Readonly<Record<string, string | readonly string[]>>;

/** What each interaction is in a scope, in the order of `cruds`. */
const LETTERS: readonly (readonly [Interaction, string])[] = [
  ['create', 'c'],
  ['read', 'r'],
  ['update', 'u'],
  ['search', 's'],
];
/** Scopes that are the issuer's to grant. */
const ISSUERS_OWN = ['openid', 'fhirUser', 'launch', 'launch/patient', 'offline_access', 'online_access'];
const ADDRESSES = ['authorization_endpoint', 'token_endpoint', 'introspection_endpoint', 'revocation_endpoint', 'registration_endpoint', 'management_endpoint']; // prettier-ignore
const LISTS = ['response_types_supported', 'token_endpoint_auth_methods_supported', 'token_endpoint_auth_signing_alg_values_supported']; // prettier-ignore
const GRANT_TYPES = ['authorization_code', 'client_credentials', 'refresh_token'];

/**
 * What apps need to know to get a token: addresses of the issuer, by its own metadata, and what both of us do, no more.
 * @param metadata of the issuer
 */
export function smartConfiguration(metadata: Claims, contract: Contract): SmartConfiguration {
  const list = (name: string): readonly string[] => {
    const value = metadata[name];
    return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
  };
  const address = (name: string): Readonly<Record<string, string>> => {
    const value = metadata[name];
    return isAddress(value) ? { [name]: value } : {};
  };
  const scopes = new Set(list('scopes_supported'));
  // RFC 8414 §2: the default of both.
  const grants = new Set(metadata['grant_types_supported'] === undefined ? GRANT_TYPES.slice(0, 1) : list('grant_types_supported')); // prettier-ignore
  const methods = new Set(list('token_endpoint_auth_methods_supported'));
  const apps = grants.has('authorization_code') && isAddress(metadata['authorization_endpoint']) && list('code_challenge_methods_supported').includes('S256'); // prettier-ignore
  const signsIn = apps && scopes.has('openid') && isAddress(metadata['jwks_uri']);
  const capabilities = [
    ...(apps && scopes.has('launch') ? ['launch-ehr', 'context-ehr-patient'] : []),
    ...(apps ? ['launch-standalone'] : []),
    ...(apps && scopes.has('launch/patient') ? ['context-standalone-patient'] : []),
    ...(apps && methods.has('none') ? ['client-public'] : []),
    ...(methods.has('client_secret_basic') || methods.has('client_secret_post')
      ? ['client-confidential-symmetric']
      : []),
    ...(methods.has('private_key_jwt') ? ['client-confidential-asymmetric'] : []),
    ...(signsIn ? ['sso-openid-connect'] : []),
    ...(scopes.has('offline_access') ? ['permission-offline'] : []),
    ...(scopes.has('online_access') ? ['permission-online'] : []),
    ...(apps ? ['permission-patient', 'permission-user'] : []),
    'permission-v1',
    'permission-v2',
  ];
  return {
    ...(signsIn ? { issuer: String(metadata['issuer']), ...address('jwks_uri') } : {}),
    ...Object.assign({}, ...ADDRESSES.map(address)),
    grant_types_supported: GRANT_TYPES.filter((one) => grants.has(one)),
    ...Object.fromEntries(LISTS.map((name) => [name, list(name)]).filter(([, values]) => values!.length > 0)),
    // Never `plain`, whatever the issuer does (SMART App Launch 2.0).
    code_challenge_methods_supported: apps ? ['S256'] : [],
    scopes_supported: [
      ...ISSUERS_OWN.filter((one) => scopes.has(one)),
      ...resourceScopes(contract, apps, grants.has('client_credentials')),
    ],
    capabilities,
  };
}

/** Scopes of the contract's types and interactions, as SMART 2.0 writes them. */
function resourceScopes(contract: Contract, apps: boolean, services: boolean): string[] {
  const contexts = [...(apps ? ['patient', 'user'] : []), ...(services ? ['system'] : [])];
  return contexts.flatMap((context) => {
    const scopes = [...contract.resources.values()].flatMap(({ type, interactions }) => {
      if (context === 'patient' && kindOf(type) === 'neither') return [];
      const letters = LETTERS.filter(([interaction]) => interactions.includes(interaction)).map(([, letter]) => letter); // prettier-ignore
      return letters.length > 0 ? [`${context}/${type}.${letters.join('')}`] : [];
    });
    return [`${context}/*.rs`, ...scopes];
  });
}

/** https, or http to this machine. */
function isAddress(value: unknown): value is string {
  const url = typeof value === 'string' ? URL.parse(value) : undefined;
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)); // prettier-ignore
}
