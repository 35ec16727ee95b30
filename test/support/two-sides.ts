import { Writable } from 'node:stream';
import { createModernBackend } from '../../adapters/modern/backend.ts';
import { createSoapSource } from '../../adapters/soap/source.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { systemClock } from '../../src/clock.ts';
import { legacySide, modernSide } from '../../src/compose/side.ts';
import { loadMappings } from '../../src/config/mappings.ts';
import { openWrites } from '../../src/events/writes.ts';
import type { Writes, WritesOptions } from '../../src/events/writes.ts';
import { parseJson } from '../../src/fhir/json.ts';
import type { SearchQuery } from '../../src/fhir/search-query.ts';
import type { Endpoint, JsonObject, Resource } from '../../src/fhir/types.ts';
import { createAuthorities } from '../../src/identity/authorities.ts';
import type { Authority } from '../../src/identity/authorities.ts';
import { identity } from '../../src/identity/layer.ts';
import { createOpener } from '../../src/identity/opener.ts';
import { createSealer } from '../../src/identity/seal.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import type {
  Backend,
  Clock,
  FhirRequest,
  FhirResponse,
  RequestContext,
  Route,
  Side,
} from '../../src/ports.ts';
import { createSourceBackend } from '../../src/search/backend.ts';
import { createPageSealer } from '../../src/search/page.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';
import { openWriteStores } from './write-stores.ts';
import type { WriteStores } from './write-stores.ts';

export const BASE = 'http://ficus.example/fhir/r4';

/** The authorities that sandbox/ficus.yaml registers. */
const AUTHORITIES: readonly Authority[] = [
  { name: 'HOSP', namespaces: ['HOSP'], oid: '2.999.1.1', system: 'urn:oid:2.999.1.1' },
  { name: 'CLINIC', namespaces: ['CLINIC'], oid: '2.999.1.2', system: 'urn:oid:2.999.1.2' },
  { name: 'APPT', namespaces: [], system: 'http://hospix.example/appointment-numbers' },
  { name: 'ALRG', namespaces: [], system: 'http://hospix.example/allergy-numbers' },
  { name: 'ENC', namespaces: ['VISIT'], system: 'http://hospix.example/visit-numbers' },
  { name: 'OBS', namespaces: [], system: 'http://hospix.example/observation-numbers' },
  { name: 'FICUS', namespaces: ['FICUS'], oid: '2.999.1.99', system: 'urn:oid:2.999.1.99' },
];
const MAPPINGS = loadMappings('mappings');
const authorities = createAuthorities(AUTHORITIES);
const sealer = createSealer({ keys: [{ id: 'a', secret: new Uint8Array(64).fill(7) }], authorities });
const RULES = {
  serves: () => true,
  parameter: () => ({ modifiers: [] }),
  include: () => false,
};

/** Where the two systems are. */
export interface Places {
  readonly soap: string;
  readonly modern: string;
  readonly credentials: Sandbox['credentials'];
}

export function placesOf({ addresses, credentials }: Sandbox): Places {
  return { soap: addresses.soap, modern: addresses.modern, credentials };
}

/** A route of Appointments in a stage. */
export function routeOf(interaction: 'create' | 'update', stage: Route['stage'] = 'shadow'): Route {
  return {
    endpoint: `Appointment.${interaction}`,
    stage,
    legacy: 'clinical',
    modern: 'bookings',
    body: 'validated',
    since: '2026-03-01T08:00:00.000Z',
    run: 1,
    version: 1,
    updatedAt: '2026-03-01T08:00:00.000Z',
    updatedBy: 'test',
    reason: '',
  };
}

/** Ficus as far as writes with two sides go, in front of the sandbox: the real adapters, Layers and stores. */
export interface TwoSides {
  readonly writes: Writes;
  readonly stores: WriteStores;
  readonly backends: ReadonlyMap<string, Backend>;
  readonly write: (request: WriteRequest, side: Side) => Promise<FhirResponse>;
  /** All appointments of a patient on a side, as clients see them. */
  readonly held: (side: Side, patient: string) => Promise<readonly Resource[]>;
  readonly patientId: (mrn: string) => string;
  readonly keyOf: (type: string, id: string) => Promise<string | undefined>;
  readonly parse: (type: string, pairs: readonly (readonly [string, string])[]) => SearchQuery;
  readonly close: () => Promise<void>;
  /** Lets go of everything at once, as a killed process does. */
  readonly abandon: () => Promise<void>;
}

export type WriteRequest = Partial<FhirRequest> & Pick<FhirRequest, 'interaction' | 'resource'>;

export interface TwoSidesOptions extends Partial<WritesOptions> {
  readonly clock?: Clock;
  /** Puts something between the parts and what they stand on. */
  readonly around?: {
    readonly stores?: (stores: WriteStores) => WriteStores;
    readonly backend?: (backend: Backend, side: Side) => Backend;
  };
}

export async function openTwoSides(
  places: Places,
  file: string | undefined,
  options: TwoSidesOptions = {},
): Promise<TwoSides> {
  const { clock = systemClock, around = {}, ...others } = options;
  const log = createLogger({ level: 'silent' });
  const metrics = createMetrics({ process: false });
  const opened = openWriteStores(file);
  const stores = around.stores?.(opened) ?? opened;
  const resilience = {
    deadlineMs: 30_000,
    concurrency: 16,
    queue: 256,
    retries: 0,
    breaker: { errorPercent: 50, volume: 1_000, windowMs: 10_000, resetMs: 1_000 },
  };
  const source = createSoapSource({
    name: 'clinical',
    url: places.soap,
    service: 'hospix',
    soapVersion: '1.2',
    connections: 8,
    maxAnswerBytes: 4 * 1024 * 1024,
    security: places.credentials && {
      username: places.credentials.user,
      password: places.credentials.password,
    },
    timeZone: 'Europe/Berlin',
    mappings: MAPPINGS,
    authorities: AUTHORITIES,
    clock: systemClock,
    log,
    metrics: { exchange: () => {} },
  });
  const pages = createPageSealer({
    keys: [{ id: 'a', secret: new Uint8Array(32).fill(9) }],
    clock: systemClock,
    lifetimeMs: 600_000,
  });
  const searching = createSourceBackend(source, {
    clock: systemClock,
    pages,
    zone: createTimeZone('Europe/Berlin'),
    base: BASE,
    defaultCount: 20,
  });
  const translated = identity({
    sealer,
    crosswalk: opened.crosswalk,
    publicBase: BASE,
    servedBy: 'legacy:clinical',
  });
  const legacy = legacySide(searching, translated, {
    name: 'clinical',
    resilience,
    clock: systemClock,
    log,
    metrics,
    idempotency: opened.idempotency,
  });
  const service = createModernBackend({
    name: 'bookings',
    url: places.modern,
    publicBase: () => BASE,
    endpoints: ['Appointment.read', 'Appointment.search', 'Appointment.create', 'Appointment.update'],
  });
  const modern = modernSide(service, { name: 'bookings', resilience, clock: systemClock, log, metrics });
  const plain = new Map([
    ['clinical', legacy.backend],
    ['bookings', modern.backend],
  ]);
  const backends = new Map([
    ['clinical', around.backend?.(legacy.backend, 'legacy') ?? legacy.backend],
    ['bookings', around.backend?.(modern.backend, 'modern') ?? modern.backend],
  ]);
  const opener = createOpener({ sealer, crosswalk: opened.crosswalk, publicBase: BASE });
  const keyOf = (type: string, id: string) => opener.key(type, id);
  const writes = await openWrites({
    store: stores.outbox,
    idempotency: stores.idempotency,
    backends,
    sides: (_endpoint: Endpoint) => ({ legacy: 'clinical', modern: 'bookings' }),
    keyOf,
    ownerOf: () => 'bookings team',
    clock,
    log,
    concurrency: 4,
    attempts: 5,
    firstRetryMs: 5,
    maxRetryMs: 40,
    settleMs: 20,
    ...others,
  });
  const parse = (type: string, pairs: readonly (readonly [string, string])[]): SearchQuery =>
    parseSearch(type, pairs, { rules: RULES, handling: 'strict', base: BASE, maxCount: 200 });

  async function held(side: Side, patient: string): Promise<readonly Resource[]> {
    const query = parse('Appointment', [['patient', patient], ['_count', '200']]); // prettier-ignore
    const backend = plain.get(side === 'legacy' ? 'clinical' : 'bookings')!;
    const { body } = await backend.handle(
      { interaction: 'search', type: 'Appointment', query, handling: 'strict' },
      contextOf(),
    );
    if (body.kind === 'searchset') return body.set.matches;
    if (body.kind !== 'pipe') throw new Error(`a ${body.kind} body`);
    const bundle = await textOf(body);
    return ((bundle['entry'] ?? []) as JsonObject[]).map(({ resource }) => resource as Resource);
  }

  return {
    writes,
    stores,
    backends,
    held,
    keyOf,
    parse,
    patientId: (mrn) => sealer.seal('Patient', `HOSP|${mrn}`).id,
    async write(request, side) {
      const interaction = request.interaction === 'update' ? 'update' : 'create';
      const whole: FhirRequest = { type: 'Appointment', handling: 'lenient', ...request };
      return writes.writer.write(whole, contextOf(), routeOf(interaction), side);
    },
    async close() {
      await writes.stop();
      await abandon();
    },
    abandon,
  };

  async function abandon(): Promise<void> {
    opened.close();
    await Promise.all([source.close(), service.destroy()]);
    legacy.shutdown();
    modern.shutdown();
  }
}

/** The context of one request. */
export function contextOf(ms = 60_000): RequestContext {
  return {
    requestId: 'request-1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    principal: { key: 'anonymous' },
    signal: AbortSignal.timeout(ms),
    deadline: Date.now() + ms,
    log: createLogger({ level: 'silent' }),
    timing: () => {},
  };
}

async function textOf(body: Extract<FhirResponse['body'], { kind: 'pipe' }>): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  await body.pipe(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    }),
  );
  return parseJson(Buffer.concat(chunks)) as JsonObject;
}

/** The text of an element; none is empty. */
export function textAt(resource: Resource, name: string): string {
  const value = resource[name];
  return typeof value === 'string' ? value : '';
}

/** An appointment that no other one of a test is like. @param nth its place in the calendar */
export function appointment(patient: string, nth: number, changes: JsonObject = {}): Resource {
  const start = new Date(Date.UTC(2028, 0, 3, 8) + nth * 3_600_000).toISOString().replace('.000Z', 'Z');
  const end = new Date(Date.UTC(2028, 0, 3, 8, 30) + nth * 3_600_000).toISOString().replace('.000Z', 'Z');
  return {
    resourceType: 'Appointment',
    status: 'booked',
    start,
    end,
    participant: [{ actor: { reference: `Patient/${patient}` }, status: 'accepted' }],
    comment: `appointment ${nth}`,
    ...changes,
  };
}
