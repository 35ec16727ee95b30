import { FicusError } from '../../src/errors.ts';
import type { Endpoint as EndpointName } from '../../src/fhir/types.ts';
import type { MappingSet } from '../../src/mapping/mapping-set.ts';
import type { Authority } from '../../src/mapping/run.ts';
import type { Clock, Logger, RequestContext } from '../../src/ports.ts';
import type { LegacySource } from '../../src/search/source.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';
import { chooseCharset } from './charset.ts';
import type { CharsetChoice } from './charset.ts';
import { createMllpPool } from './client.ts';
import type { Core } from './source/core.ts';
import { tagOf } from './source/cursor.ts';
import { compileEndpoints } from './source/endpoints.ts';
import { createEnvelope, type EnvelopeOptions } from './source/envelope.ts';
import { createKeyQuery } from './source/key-query.ts';
import { createLine, type ExchangeMetrics } from './source/line.ts';
import { createOpenQueries } from './source/open-queries.ts';
import { read } from './source/read.ts';
import { compileErrorTable } from './source/refusal.ts';
import { cancelQuery, searchPage } from './source/search.ts';
import { create, update } from './source/write.ts';

/** One HL7v2 core over MLLP, as the configuration describes it. Times in milliseconds. */
export interface Hl7v2SourceOptions extends EnvelopeOptions {
  /** Backend name, e.g. `core`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** TLS with these PEM texts, read for each connection; plain TCP without. */
  readonly tls?:
    | {
        readonly ca?: string;
        readonly cert?: string;
        readonly key?: string;
        readonly servername?: string;
      }
    | undefined;
  /**
   * Character set of the answers, whatever their MSH-18 says. Absent: what MSH-18 says, and where it says nothing
   * `charset`.
   */
  readonly answerCharset?: string;
  /** Connections at most; one message in flight on each. */
  readonly connections: number;
  /** Least time between two messages to this core. */
  readonly minIntervalMs: number;
  /** How long a page token is good for; a query that nobody continued by then is cancelled. Default 30 minutes. */
  readonly pageLifetimeMs?: number;
  /**
   * Records of each endpoint whose resource is kept while the core answers with the same bytes, and for how long
   * unused. Default 5,000 for 5 minutes.
   */
  readonly remember?: { readonly records: number; readonly minutes: number };
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
 * A LegacySource of the interaction files of adapter `hl7v2` (`mappings/hl7v2/interactions`): each is an endpoint,
 * unless it is internal.
 * @throws Error with everything that the files name and that is not there.
 */
export function createHl7v2Source(options: Hl7v2SourceOptions): Hl7v2Source {
  const { name, mappings } = options;
  const { records, minutes } = options.remember ?? { records: 5_000, minutes: 5 };
  const core = openCore(options);
  const { all, searches, writes } = compileEndpoints(mappings, core.run, {
    entries: records,
    unusedMs: minutes * 60_000,
    clock: options.clock,
  });
  const offered = <T>(found: T | undefined, type: string, interaction: string): T => {
    if (found !== undefined && all.get(`${type}.${interaction}`)?.file.internal === false) return found;
    throw new FicusError('not-implemented', `${name} cannot do ${type}.${interaction}.`);
  };
  return {
    name,
    endpoints: [...all.values()]
      .filter(({ file }) => !file.internal)
      .map((endpoint) => endpoint.name as EndpointName),
    searchOf: (type) => searches.get(type)?.native,
    async read(type, key, context) {
      return await read(offered(all.get(`${type}.read`), type, 'read'), key, core, context);
    },
    async search(type, filters, page, context) {
      return searchPage(offered(searches.get(type), type, 'search'), filters, page, core, context);
    },
    async create(type, resource, context, leftOut, attempt) {
      const write = offered(writes.get(`${type}.create`), type, 'create');
      return create(write, resource, core, context, leftOut, attempt);
    },
    async update(type, key, resource, context, leftOut, attempt) {
      const write = offered(writes.get(`${type}.update`), type, 'update');
      return update(write, key, resource, core, context, leftOut, attempt);
    },
    abandon(type, cursor) {
      const search = searches.get(type);
      const tag = tagOf(cursor);
      if (!search || tag === undefined) return;
      core.openQueries.release(tag);
      cancelQuery(search.endpoint, tag, core);
    },
    close() {
      core.openQueries.clear();
      return core.pool.close();
    },
  };
}

function openCore(options: Hl7v2SourceOptions): Core {
  const { name, mappings, authorities, readable, clock, timeZone, log, tls } = options;
  const table = mappings.errors.get('HL7 v2');
  if (!table) throw new Error('the mappings have no error table HL7 v2 (errors.yaml)');
  const envelope = createEnvelope(options);
  const errors = compileErrorTable(table);
  const zone = createTimeZone(timeZone);
  const pool = createMllpPool({
    host: options.host,
    port: options.port,
    connections: options.connections,
    minIntervalMs: options.minIntervalMs,
    ...answersIn(options),
    ...(tls ? { tls } : {}),
    clock,
    log: log.child({ backend: name }),
  });
  return {
    name,
    pool,
    envelope,
    keyQuery: createKeyQuery(envelope),
    line: createLine({ name, pool, errors, clock, metrics: options.metrics }),
    run: { authorities, timeZone, ...(readable ? { readable } : {}) },
    clock,
    matching: () => ({ zone, now: clock.now() }),
    openQueries: createOpenQueries({ clock, lifetimeMs: options.pageLifetimeMs ?? 1_800_000 }),
    background: () => background(options),
  };
}

/** How answers are read. @throws {FicusError} `legacy-malformed` for a character set that is not known. */
function answersIn({ charset: defaultCharset, answerCharset }: Hl7v2SourceOptions): CharsetChoice {
  const choice = answerCharset === undefined ? { defaultCharset } : { charset: answerCharset };
  chooseCharset(choice, []);
  return choice;
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
