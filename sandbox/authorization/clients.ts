import type { JWK } from 'jose';
import type { ClientMetadata } from 'oidc-provider';
import { publicKey } from './keys.ts';

/**
 * Name of the sandbox's own grant: a token for whoever holds the developer's key, without pages (see
 * developer-grant.ts).
 */
export const DEVELOPER_GRANT = 'urn:ficus:sandbox:developer';
export const DEVELOPER = 'developer';
/** The client that Ficus is when it asks after tokens. */
const RESOURCE_SERVER = 'ficus';

/** The clients that are there from the beginning. */
export function standingClients(
  developerKey: JWK,
  resourceServerSecret: string | undefined,
): ClientMetadata[] {
  const silent = { redirect_uris: [], response_types: [] };
  return [
    {
      ...silent,
      client_id: DEVELOPER,
      client_name: 'ficus token',
      grant_types: [DEVELOPER_GRANT],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [publicKey(developerKey)] },
    },
    ...(resourceServerSecret === undefined
      ? []
      : [
          {
            ...silent,
            client_id: RESOURCE_SERVER,
            client_name: 'Ficus',
            grant_types: [],
            client_secret: resourceServerSecret,
          },
        ]),
  ];
}

/** Whether a client may ask after the tokens of others. */
export function isResourceServer(clientId: string): boolean {
  return clientId === RESOURCE_SERVER;
}
