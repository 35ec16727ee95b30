import { FicusError } from '../../src/errors.ts';
import type { Endpoint as EndpointName } from '../../src/fhir/types.ts';
import type { MappingSet } from '../../src/mapping/mapping-set.ts';
import type { Authority } from '../../src/mapping/run.ts';
import type { Clock, Logger, RequestContext } from '../../src/ports.ts';
import type { LegacySource, NativeFilter, SourceSearch } from '../../src/search/source.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';
import { createMllpPool } from './client.ts';
import { checkTag, type Core } from './source/core.ts';
import { compileAsks } from './source/criteria.ts';
import { compileEndpoint, type Endpoint } from './source/endpoint.ts';
import { createEnvelope, type EnvelopeOptions } from './source/envelope.ts';
import { createLine, type ExchangeMetrics } from './source/line.ts';
import { read } from './source/read.ts';
import { compileErrorTable } from './source/refusal.ts';
import { abandonPage, searchPage, type SearchEndpoint } from './source/search.ts';

/** One HL7v2 core over MLLP, as the configuration describes it. Times in milliseconds. */
export interface Hl7v2SourceOptions extends Omit<EnvelopeOptions, 'clock'> {
  /** Backend name, e.g. `core`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** TLS with these PEM texts; plain TCP without. */
  readonly tls?:
    | {
        readonly ca?: string;
        readonly cert?: string;
        readonly key?: string;
        readonly servername?: string;
      }
    | undefined;
  /** Connections at most; one message in flight on each. */
  readonly connections: number;
  /** Least time between two messages to this core. */
  readonly minIntervalMs: number;
  /** What the core's endpoints and records are: `mappings/`. */
  readonly mappings: MappingSet;
  readonly authorities: readonly Authority[];
  /** Resource types that can be read here: references to others stay logical. */
  readonly readable?: (type: string) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ExchangeMetrics;
}

/** A legacy core that is asked by HL7v2 messages; connects when first asked. */
export interface Hl7v2Source extends LegacySource {
  /** Serves what was taken, then closes the connections. */
  close(): Promise<void>;
}

/**
 * A LegacySource of the interaction files of adapter `hl7v2` (`mappings/hl7v2/interactions`): each is an endpoint.
 * @throws Error naming everything that the files name and that is not there.
 */
export function createHl7v2Source(options: Hl7v2SourceOptions): Hl7v2Source {
  const { name, mappings, authorities, readable, clock, timeZone } = options;
  const run = { authorities, timeZone, ...(readable ? { readable } : {}) };
  const endpoints = new Map<string, Endpoint>();
  const searches = new Map<string, SearchEndpoint & { readonly native: SourceSearch }>();
  for (const file of mappings.interactions.values()) {
    if (file.adapter !== 'hl7v2') continue;
    const endpoint = compileEndpoint(file, mappings, run);
    endpoints.set(endpoint.name, endpoint);
    if (!endpoint.name.endsWith('.search')) continue;
    const asks = compileAsks(file.params, { authorities, codes: mappings.codes });
    searches.set(endpoint.type, { endpoint, asks, native: nativeSearch(endpoint) });
  }
  const table = mappings.errors.get('HL7 v2');
  if (!table) throw new Error('the mappings have no error table HL7 v2 (errors.yaml)');
  const zone = createTimeZone(timeZone);
  const pool = createMllpPool({
    host: options.host,
    port: options.port,
    connections: options.connections,
    minIntervalMs: options.minIntervalMs,
    defaultCharset: options.charset,
    ...(options.tls ? { tls: options.tls } : {}),
    clock,
    log: options.log.child({ backend: name }),
  });
  const line = createLine({ name, pool, errors: compileErrorTable(table), clock, metrics: options.metrics });
  const core: Core = {
    name,
    envelope: createEnvelope(options),
    line,
    run,
    clock,
    matching: () => ({ zone, now: clock.now() }),
    cancelOf: (endpoint) => ({ ...endpoint, kind: 'QCN^J01', accepts: () => true, status: () => undefined }),
    checkTag,
  };
  const endpointOf = (type: string, interaction: string): Endpoint => {
    const endpoint = endpoints.get(`${type}.${interaction}`);
    if (endpoint && !endpoint.file.internal) return endpoint;
    throw new FicusError('not-implemented', `${name} cannot do ${type}.${interaction}.`);
  };
  return {
    name,
    endpoints: [...endpoints.values()]
      .filter(({ file }) => !file.internal)
      .map((endpoint) => endpoint.name as EndpointName),
    searchOf: (type) => searches.get(type)?.native,
    read: async (type, key, context) => read(endpointOf(type, 'read'), key, core, context),
    async search(type, filters, page, context) {
      endpointOf(type, 'search');
      return searchPage(searches.get(type)!, filters, page, core, context);
    },
    create: async (type) => {
      throw new FicusError('not-implemented', `${name} cannot do ${type}.create.`);
    },
    update: async (type) => {
      throw new FicusError('not-implemented', `${name} cannot do ${type}.update.`);
    },
    abandon(type, cursor) {
      const search = searches.get(type);
      if (search) abandonPage(search.endpoint, cursor, core, background(options));
    },
    close: () => pool.close(),
  };
}

/** What the core can filter, as the file's parameters say. */
function nativeSearch({ file }: Endpoint): SourceSearch {
  const filters: Record<string, NativeFilter> = {};
  for (const [name, { match, modifiers, prefixes, or, repeat }] of Object.entries(file.params))
    filters[name] = { match, modifiers, prefixes, or, repeat };
  return { filters, anchors: file.anchors, maxPage: file.maxPage ?? 50 };
}

const BACKGROUND_MS = 5_000;

/** The context of what no request waits for. */
function background({ clock, log }: Hl7v2SourceOptions): RequestContext {
  return {
    requestId: 'background',
    traceparent: '',
    principal: { key: 'ficus' },
    signal: new AbortController().signal,
    deadline: clock.now() + BACKGROUND_MS,
    log,
    timing: () => {},
  };
}
