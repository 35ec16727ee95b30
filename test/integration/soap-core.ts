import { loadMappings } from '../../src/config/mappings.ts';
import { createSoapSource } from '../../adapters/soap/source.ts';
import type { SoapSourceOptions } from '../../adapters/soap/source.ts';
import { systemClock } from '../../src/clock.ts';
import { parseJson } from '../../src/fhir/json.ts';
import type { SearchFilter } from '../../src/fhir/search-query.ts';
import type { Resource } from '../../src/fhir/types.ts';
import type { Authority } from '../../src/mapping/run.ts';
import type { LogFields, Logger, RequestContext } from '../../src/ports.ts';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';

/** The authorities that sandbox/ficus.yaml registers. */
export const AUTHORITIES: readonly Authority[] = [
  { name: 'HOSP', namespaces: ['HOSP'], oid: '2.999.1.1', system: 'urn:oid:2.999.1.1' },
  { name: 'CLINIC', namespaces: ['CLINIC'], oid: '2.999.1.2', system: 'urn:oid:2.999.1.2' },
  { name: 'APPT', system: 'http://hospix.example/appointment-numbers' },
  { name: 'ALRG', system: 'http://hospix.example/allergy-numbers' },
  { name: 'ENC', system: 'http://hospix.example/visit-numbers' },
  { name: 'OBS', system: 'http://hospix.example/observation-numbers' },
  { name: 'FICUS', namespaces: ['FICUS'], oid: '2.999.1.99', system: 'urn:oid:2.999.1.99' },
];

export const MAPPINGS = loadMappings('mappings');

/** What a source told of its work. */
export interface Told {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[];
  readonly exchanges: { readonly kind: string; readonly outcome: string }[];
  readonly legs: string[];
}

export function createTold(): Told {
  return { lines: [], exchanges: [], legs: [] };
}

function loggerOf(told: Told): Logger {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void told.lines.push({ level, message, fields });
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  };
  return log;
}

/** The context of one request; `ms` until its deadline. */
export function contextOf(told: Told = createTold(), ms = 10_000): RequestContext {
  return {
    requestId: 'request-1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    principal: { key: 'anonymous' },
    signal: AbortSignal.timeout(ms),
    deadline: Date.now() + ms,
    log: loggerOf(told),
    timing: (name, _durationMs, description) => void told.legs.push(`${name} ${description ?? ''}`),
  };
}

/** A source in front of a sandbox. */
export function openSource(
  sandbox: Sandbox,
  told: Told = createTold(),
  options: Partial<SoapSourceOptions> = {},
) {
  const { credentials } = sandbox;
  return createSoapSource({
    name: 'clinical',
    url: sandbox.addresses.soap,
    service: 'hospix',
    soapVersion: '1.2',
    connections: 4,
    maxAnswerBytes: 4 * 1024 * 1024,
    security: credentials && { username: credentials.user, password: credentials.password },
    timeZone: 'Europe/Berlin',
    mappings: MAPPINGS,
    authorities: AUTHORITIES,
    clock: systemClock,
    log: loggerOf(told),
    metrics: { exchange: (_backend, kind, outcome) => void told.exchanges.push({ kind, outcome }) },
    ...options,
  });
}

export function openSandbox(): Promise<Sandbox> {
  return startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 });
}

/** `patient=Patient/HOSP|100001`, as the identity Layer hands it on. */
export function ofPatient(key: string): SearchFilter {
  return {
    name: 'patient',
    type: 'reference',
    values: [{ text: `Patient/${key}`, refType: 'Patient', refId: key }],
  };
}

/** A resource with FHIR ids instead of keys, as the identity Layer would make them: to be validated. */
export function withIds(resource: Resource): Resource {
  const text = JSON.stringify(resource, (name, value: unknown) =>
    (name === 'id' || name === 'reference') && typeof value === 'string' ? value.replace('|', '.') : value,
  );
  return parseJson(text) as Resource;
}

/** JSON of the sandbox's control API. */
export async function control<T>(sandbox: Sandbox, method: string, path: string, body?: unknown): Promise<T> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(sandbox.addresses.control + path, init);
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** Turns a fault dial of the core's SOAP side. */
export async function dial(sandbox: Sandbox, fault: string, settings: object = {}): Promise<void> {
  await control(sandbox, 'POST', '/dials', { protocol: 'soap', fault, ...settings });
}

/** What the core received, oldest first: operation and what became of it. */
export async function received(sandbox: Sandbox): Promise<string[]> {
  const { received: calls } = await control<{
    received: { operation: string; outcome: string; error?: string }[];
  }>(sandbox, 'GET', '/received');
  return calls.map(({ operation, outcome, error }) => [operation, outcome, error].filter(Boolean).join(' '));
}
