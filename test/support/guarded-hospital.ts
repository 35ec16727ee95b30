import { adminConfig } from '../../src/config/admin-schema.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { securityConfig } from '../../src/config/security-schema.ts';
import { startHospital } from './hospital.ts';
import type { Hospital } from './hospital.ts';
import { PATIENT, makeKey, startIssuer } from './issuer.ts';
import type { TestIssuer } from './issuer.ts';

export type Claims = Parameters<TestIssuer['token']>[0];

/** The hospital of `npm start` with an issuer of the test's own, for whoever must be somebody else in every request. */
export interface GuardedHospital extends Hospital {
  readonly issuer: TestIssuer;
  readonly stateDir: string;
  /** Asks the FHIR API as somebody. */
  readonly ask: (path: string, claims: Claims, init?: RequestInit) => Promise<Said>;
  /** Asks the admin API as somebody. */
  readonly admin: (path: string, claims: Claims, init?: RequestInit) => Promise<Said>;
}

export interface Said {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line no-explicit-any
  readonly body: any;
}

/** @param security what the configuration says beside the issuer */
export async function startGuardedHospital(
  security: object = {},
  adjust: (loaded: LoadedConfig) => LoadedConfig = (it) => it,
): Promise<GuardedHospital> {
  let hospital: Hospital | undefined;
  let stateDir = '';
  const issuer = await startIssuer({
    now: () => Date.now(),
    audience: () => hospital!.base,
    key: await makeKey('one'),
  });
  hospital = await startHospital((loaded) => {
    const { config } = loaded;
    stateDir = config.stateDir;
    return adjust({
      ...loaded,
      config: {
        ...config,
        admin: adminConfig.parse({ host: '127.0.0.1', port: 0 }),
        security: securityConfig.parse({ issuers: [{ issuer: issuer.url }], egress: PATIENT, ...security }),
      },
    });
  }).catch(async (error: unknown) => {
    await issuer.close();
    throw error;
  });
  const { ficus, base } = hospital;
  const asking =
    (address: string, audience: string): GuardedHospital['ask'] =>
    async (path, claims, init = {}) => {
      const headers = new Headers(init.headers);
      const token = await issuer.token({ aud: audience, ...claims });
      headers.set('authorization', `Bearer ${token}`);
      if (init.body !== undefined && !headers.has('content-type'))
        headers.set('content-type', 'application/json');
      const response = await fetch(path.startsWith('http') ? path : `${address}${path}`, {
        ...init,
        headers,
      });
      const text = await response.text();
      const json = response.headers.get('content-type')?.includes('json') === true;
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: json ? JSON.parse(text) : undefined,
      };
    };
  return {
    ...hospital,
    issuer,
    stateDir,
    ask: asking(base, base),
    admin: asking(ficus.adminBase, ficus.adminBase),
    close: async () => {
      await hospital.close();
      await issuer.close();
    },
  };
}
