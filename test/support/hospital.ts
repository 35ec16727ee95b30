import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { demoConfig, demoSecret, ensureSecrets } from '../../src/cli/demo-config.ts';
import { authorizationDir, developerToken } from '../../src/cli/developer-token.ts';
import type { TokenWish } from '../../src/cli/developer-token.ts';
import { compose } from '../../src/compose.ts';
import type { ComposeOptions, Ficus } from '../../src/compose.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { createLogger } from '../../src/log.ts';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { PATIENT } from './issuer.ts';

export type LogLine = Readonly<Record<string, unknown>>;

/** Ficus in front of the sandbox, as `npm start` puts it together, on ports of its own and with its log at hand. */
export interface Hospital {
  readonly ficus: Ficus;
  readonly sandbox: Sandbox;
  /** FHIR base address. */
  readonly base: string;
  /** Lines of the log so far. */
  readonly log: () => readonly LogLine[];
  /** Turns a fault dial of the sandbox. */
  readonly dial: (dial: object) => Promise<void>;
  readonly clearDials: () => Promise<void>;
  /** JSON of the sandbox's control API. */
  readonly control: <T>(path: string) => Promise<T>;
  /** FHIR id of the patient with a number. */
  readonly patientId: (mrn: string, system?: string) => Promise<string>;
  /** Folder of state and secrets. */
  readonly state: string;
  /** An access token of the sandbox's authorization server; only where it is guarded. */
  readonly token: (wish?: TokenWish) => Promise<string>;
  readonly close: () => Promise<void>;
}

export const HOSP = 'urn:oid:2.999.1.1';

/**
 * @param adjust changes the demo's configuration, e.g. to shorten a deadline
 * @param options.calendar what evidence ages by
 * @param options.others made-up patients beside the sixty of the data files
 * @param options.guarded with the sandbox's authorization server, and security on
 */
export async function startHospital(
  adjust: (loaded: LoadedConfig) => LoadedConfig = (it) => it,
  {
    others = 0,
    guarded = false,
    ...options
  }: Pick<ComposeOptions, 'calendar'> & { readonly others?: number; readonly guarded?: boolean } = {},
): Promise<Hospital> {
  const state = mkdtempSync(join(tmpdir(), 'ficus-e2e-'));
  const password = ensureSecrets(state);
  let running: Ficus | undefined;
  const authorization = {
    port: 0,
    fhirBase: () => running?.publicBase ?? '',
    adminBase: () => running?.adminBase ?? '',
    stateDir: authorizationDir(state),
    resourceServerSecret: demoSecret(state, 'introspection'),
  };
  const sandbox = await startSandbox({
    ...(guarded ? { authorization } : {}),
    mllpPort: 0,
    soapPort: 0,
    modernPort: 0,
    controlPort: 0,
    others,
    security: { user: 'ficus', password },
  });
  const lines: LogLine[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      for (const line of chunk.toString().split('\n'))
        if (line !== '') lines.push(JSON.parse(line) as LogLine);
      done();
    },
  });
  const log = createLogger({ level: 'debug', stream });
  const loaded = patientWithIssuers(demoConfig(sandbox.addresses, state, { fhir: 0, admin: 0 }));
  const ficus = await compose(adjust(loaded), {
    ...options,
    log,
  }).catch(async (error: unknown) => {
    await sandbox.close();
    throw error;
  });
  running = ficus;
  const token = (wish: TokenWish = {}): Promise<string> => developerToken(state, wish);
  const { control } = sandbox.addresses;
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${control}${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    ficus,
    sandbox,
    base: ficus.publicBase,
    log: () => lines,
    dial: async (dial) => void (await ask('POST', '/dials', dial)),
    clearDials: async () => void (await ask('DELETE', '/dials')),
    control: <T>(path: string) => ask('GET', path) as Promise<T>,
    patientId: async (mrn, system = HOSP) => {
      const url = `${ficus.publicBase}/Patient?identifier=${encodeURIComponent(`${system}|${mrn}`)}`;
      for (let attempt = 1; ; attempt += 1) {
        const headers = guarded ? { authorization: `Bearer ${await token()}` } : {};
        const response = await fetch(url, { headers });
        const bundle = (await response.json()) as { entry?: { resource: { id: string } }[] };
        const id = bundle.entry?.[0]?.resource.id;
        if (id !== undefined) return id;
        // On a machine that is overloaded the issuer of the token may be late once.
        if (response.status !== 503 || attempt === 5) {
          throw new Error(`No patient ${mrn}: ${JSON.stringify(bundle)}`);
        }
      }
    },
    state,
    token,
    close: async () => {
      await ficus.stop();
      await sandbox.close();
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** For `startHospital`, guarded: the issuer is asked after tokens every second, so that a revoked one is found out soon. */
export function askedOften(loaded: LoadedConfig): LoadedConfig {
  const { security } = loaded.config;
  if (security === 'open') throw new Error('The demo is open.');
  const issuers = security.issuers.map(({ introspection, ...one }) => ({
    ...one,
    ...(introspection ? { introspection: { ...introspection, everySeconds: 1 } } : {}),
  }));
  return { ...loaded, config: { ...loaded.config, security: { ...security, issuers } } };
}

function patientWithIssuers(loaded: LoadedConfig): LoadedConfig {
  const { config } = loaded;
  if (config.security === 'open') return loaded;
  const egress = { ...config.security.egress, ...PATIENT };
  return { ...loaded, config: { ...config, security: { ...config.security, egress } } };
}
