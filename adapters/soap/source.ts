import { FicusError } from '../../src/errors.ts';
import type { MappingSet } from '../../src/mapping/mapping-set.ts';
import type { Authority, RunContext } from '../../src/mapping/run.ts';
import type { Clock, Logger, RequestContext } from '../../src/ports.ts';
import type { LegacySource, SourcePage } from '../../src/search/source.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';
import { createCalls } from './calls.ts';
import { createSoapClient } from './client.ts';
import type { SoapClientOptions } from './client.ts';
import { createExchanger } from './exchange.ts';
import type { ExchangeMetrics } from './exchange.ts';
import { readRecord, readRecords } from './reading.ts';
import { compileSearching } from './searching.ts';
import type { Searching } from './searching.ts';
import { compileService, numberOf } from './service.ts';
import type { Operation } from './service.ts';
import { textAt } from './tree.ts';
import { createWrites } from './writes.ts';
import type { XmlElement } from './xml-element.ts';

export interface SoapSourceOptions {
  /** Backend name. */
  readonly name: string;
  /** Address of the service's port. */
  readonly url: string;
  /** Which of the mappings: the part before the slash of `hospix/Appointment.read`. */
  readonly service: string;
  readonly soapVersion: '1.1' | '1.2';
  readonly tls?: SoapClientOptions['tls'] | undefined;
  readonly connections: number;
  /** Largest answer that is read, in bytes. */
  readonly maxAnswerBytes: number;
  /** WS-Security UsernameToken. */
  readonly security?: { readonly username: string; readonly password: string } | undefined;
  /** IANA zone of times without an offset. */
  readonly timeZone: string;
  readonly mappings: MappingSet;
  readonly authorities: readonly Authority[];
  /** Whether resources of a type can be read through this API; default all. */
  readonly readable?: (type: string) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ExchangeMetrics;
}

/**
 * The resources of a SOAP service, by the mapping files of that service: a new operation is a file.
 *
 * @throws Error naming every mapping that does not serve.
 */
export function createSoapSource(options: SoapSourceOptions): LegacySource & { close(): Promise<void> } {
  const { name, mappings, authorities, timeZone, clock } = options;
  const { operations, errors } = compileService(options.service, mappings, authorities);
  const run: RunContext = {
    authorities,
    timeZone,
    ...(options.readable === undefined ? {} : { readable: options.readable }),
  };
  const searches = new Map<string, Searching>();
  const criteria = { authorities, codes: mappings.codes, timeZone };
  const zone = createTimeZone(timeZone);
  for (const operation of operations.values()) {
    if (operation.endpoint === `${operation.type}.search`)
      searches.set(
        operation.type,
        compileSearching(operation, criteria, () => ({ zone, now: clock.now() })),
      );
  }
  const client = createSoapClient({
    url: options.url,
    version: options.soapVersion,
    clock,
    connections: options.connections,
    addressing: true,
    limits: { maxBytes: options.maxAnswerBytes },
    ...(options.security === undefined ? {} : { security: options.security }),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
  });
  const exchange = createExchanger({ name, client, errors, clock, metrics: options.metrics });
  const calls = createCalls(name, operations, exchange);
  const writes = createWrites({ calls, operations: operations.values(), run, clock });

  return {
    name,
    endpoints: [...operations.keys()],
    searchOf: (type) => searches.get(type)?.native,

    async read(type, key, context) {
      const operation = calls.operation(`${type}.read`);
      const number = numberOf(key, operation.authority);
      const body = number === undefined ? undefined : await calls.get(type, number, context);
      if (!body) throw notFound(type);
      return readRecord(operation, body, run, context.log);
    },

    async search(type, filters, page, context): Promise<SourcePage> {
      const operation = calls.operation(`${type}.search`);
      const searching = searches.get(type)!;
      const asked = searching.ask(filters);
      if (asked.kind === 'nothing') return { resources: [] };
      if (asked.kind === 'read') {
        const body = await calls.get(type, asked.number, context);
        return body ? pageOf(calls.operation(`${type}.read`), body, context) : { resources: [] };
      }
      const count = String(Math.min(page.count, searching.native.maxPage));
      const body = await calls.find(type, asked.criteria, { count, cursor: page.cursor }, context);
      if (!body) return { resources: [] };
      const found = pageOf(operation, body, context);
      const issues = [...(found.issues ?? []), ...searching.moved(asked.pushed, found.resources)];
      return issues.length === 0 ? found : { ...found, issues };
    },

    create: (type, resource, context, leftOut, attempt) =>
      writes.create(type, resource, context, leftOut, attempt),

    async update(type, key, resource, context, leftOut, attempt) {
      const number = numberOf(key, calls.operation(`${type}.update`).authority);
      const updated =
        number === undefined
          ? undefined
          : await writes.update(type, number, resource, context, leftOut, attempt);
      if (!updated) throw notFound(type);
      return updated;
    },

    // The service keeps nothing for a page token.
    abandon: () => {},
    close: () => client.close(),
  };

  function pageOf(operation: Operation, body: XmlElement, context: RequestContext): SourcePage {
    const { resources, issues } = readRecords(operation, body, run, context.log);
    const { next: path } = operation.file.response;
    const next = path === undefined ? undefined : textAt(body, path);
    return {
      resources,
      ...(issues.length === 0 ? {} : { issues }),
      ...(next === undefined ? {} : { next }),
    };
  }
}

function notFound(type: string): FicusError {
  return new FicusError('not-found', `There is no ${type} with this id.`);
}
