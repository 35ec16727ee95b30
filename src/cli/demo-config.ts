import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { HOME } from '../compose.ts';
import { loadConfig } from '../config/load.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { FeedConfig } from '../config/feed-schema.ts';
import type { Config } from '../config/schema.ts';
import type { GuardedConfig } from '../config/security-schema.ts';
import { makeStateDir } from '../store/folder.ts';

/** Secrets that `npm start` makes for itself, and their length in bytes. */
const SECRETS = { 'identity-a': 64, 'pages-a': 32, 'hospix-password': 18, introspection: 32 } as const;

type SecretName = keyof typeof SECRETS;

/**
 * Makes the demo's secrets where they are missing; readable by the owner only.
 * @returns the password of the SOAP service
 */
export function ensureSecrets(stateDir: string): string {
  const folder = resolve(stateDir, 'secrets');
  makeStateDir(folder);
  for (const [name, bytes] of Object.entries(SECRETS)) {
    const file = resolve(folder, name);
    if (!existsSync(file)) writeFileSync(file, `${randomBytes(bytes).toString('base64')}\n`, { mode: 0o600 });
  }
  return demoSecret(stateDir, 'hospix-password');
}

/** One of the demo's secrets, which `ensureSecrets` has made. */
export function demoSecret(stateDir: string, name: SecretName): string {
  return readFileSync(resolve(stateDir, 'secrets', name), 'utf8').trim();
}

/** Where the sandbox listens. */
export interface SandboxPlaces {
  readonly mllp: string;
  readonly soap: string;
  readonly modern: string;
  readonly portal: string;
  /** Issuer of tokens; absent: none runs, and whoever reaches the demo may see everything. */
  readonly authorization?: string;
}

/** With tokens, owners are subjects: of the sandbox's staff. */
const STAFF = { technical: 'staff-integrator', clinical: 'staff-clinical-owner' };

/**
 * `sandbox/ficus.yaml`, with the addresses that the sandbox really has and the state where it was asked for.
 *
 * @throws ConfigError
 */
export function demoConfig(
  places: SandboxPlaces,
  stateDir: string,
  ports: { readonly fhir: number; readonly admin: number; readonly feed?: number },
): LoadedConfig {
  const { config, baseDir } = loadConfig(resolve(HOME, 'sandbox/ficus.yaml'));
  const secret = (name: SecretName) => ({ file: resolve(stateDir, 'secrets', name) });
  const mllp = new URL(places.mllp);
  const backends = Object.fromEntries(
    Object.entries(config.backends).map(([name, backend]): [string, Config['backends'][string]] => {
      if (backend.kind === 'hl7v2')
        return [name, { ...backend, host: mllp.hostname, port: Number(mllp.port) }];
      if (backend.kind === 'projection') return [name, backend];
      if (backend.kind === 'modern') return [name, { ...backend, url: places.modern }];
      return [
        name,
        {
          ...backend,
          url: places.soap,
          security: { username: 'ficus', password: secret('hospix-password') },
        },
      ];
    }),
  );
  const security = securityAt(config.security, places.authorization, secret('introspection'));
  return {
    baseDir,
    config: {
      ...config,
      security,
      ...(security === 'open' ? {} : { routes: config.routes.map((route) => ({ ...route, owners: STAFF })) }),
      stateDir,
      listen: { ...config.listen, port: ports.fhir },
      admin: { ...config.admin, port: ports.admin },
      identity: { ...config.identity, keys: [{ id: 'a', secret: secret('identity-a') }] },
      pageKeys: [{ id: 'a', secret: secret('pages-a') }],
      backends,
      ...(config.feed ? { feed: feedAt(config.feed, ports.feed ?? 0) } : {}),
      passthrough: config.passthrough.map((one) => ({ ...one, target: new URL(places.portal).origin })),
    },
  };
}

/** The feed with its interfaces on a port: the only one of the demo, or any free one each. */
function feedAt(feed: FeedConfig, port: number): FeedConfig {
  const interfaces = Object.entries(feed.interfaces).map(([name, one]) => [name, { ...one, port }] as const);
  return { ...feed, interfaces: Object.fromEntries(interfaces) };
}

/** The one issuer of the demo, where it really is. */
function securityAt(
  security: Config['security'],
  issuer: string | undefined,
  secret: { readonly file: string },
): Config['security'] {
  if (security === 'open' || issuer === undefined) return 'open';
  const at = ({ introspection, ...one }: GuardedConfig['issuers'][number]) => ({
    ...one,
    issuer,
    ...(introspection ? { introspection: { ...introspection, secret } } : {}),
  });
  return { ...security, issuers: security.issuers.map(at) };
}
