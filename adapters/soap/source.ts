import { FicusError } from '../../src/errors.ts';
import type { Endpoint, Resource } from '../../src/fhir/types.ts';
import type { MappingSet } from '../../src/mapping/mapping-set.ts';
import type { Authority, RunContext } from '../../src/mapping/run.ts';
import type { Clock, Logger, RequestContext } from '../../src/ports.ts';
import type { LegacySource } from '../../src/search/source.ts';
import { createSoapClient } from './client.ts';
import type { SoapClientOptions } from './client.ts';
import { createExchanger } from './exchange.ts';
import type { ExchangeMetrics, Outcome } from './exchange.ts';
import { readRecord, readRecords } from './reading.ts';
import { requestBody } from './request.ts';
import { compileSearching } from './searching.ts';
import type { Searching } from './searching.ts';
import { compileService, numberOf } from './service.ts';
import type { Operation } from './service.ts';
import { textAt } from './tree.ts';

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
  for (const operation of operations.values()) {
    if (operation.endpoint === `${operation.type}.search`)
      searches.set(
        operation.type,
        compileSearching(operation, { authorities, codes: mappings.codes, timeZone }),
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

  function operationOf(endpoint: Endpoint): Operation {
    const operation = operations.get(endpoint);
    if (!operation) throw new FicusError('not-implemented', `${name} cannot do ${endpoint}.`);
    return operation;
  }

  async function readNumber(type: string, number: string, context: RequestContext): Promise<Outcome> {
    const operation = operationOf(`${type}.read`);
    const body = requestBody(operation.request, { number }, []);
    const { action = '', operation: asked } = operation.request;
    const { response } = operation.file;
    return exchange({ operation: asked, action, body, response, on: 'read', context });
  }

  return {
    name,
    endpoints: [...operations.keys()],
    searchOf: (type) => searches.get(type)?.native,

    async read(type, key, context): Promise<Resource> {
      const operation = operationOf(`${type}.read`);
      const number = numberOf(key, operation.authority);
      if (number === undefined) throw notFound(type);
      const outcome = await readNumber(type, number, context);
      if (outcome.kind === 'refused') throw outcome.error;
      if (outcome.kind === 'empty') throw notFound(type);
      return readRecord(operation, outcome.body, run, context.log);
    },

    async search(type, filters, page, context) {
      const operation = operationOf(`${type}.search`);
      const asked = searches.get(type)!.ask(filters);
      if (asked.kind === 'nothing') return { resources: [] };
      if (asked.kind === 'read') {
        const outcome = await readNumber(type, asked.number, context);
        if (outcome.kind === 'empty') return { resources: [] };
        if (outcome.kind === 'refused') {
          if (outcome.error.code === 'not-found') return { resources: [] };
          throw outcome.error;
        }
        return readRecords(operationOf(`${type}.read`), outcome.body, run, context.log);
      }
      const { request, file } = operation;
      const count = String(Math.min(page.count, searches.get(type)!.native.maxPage));
      const body = requestBody(request, { count, cursor: page.cursor }, asked.criteria);
      const { action = '' } = request;
      const outcome = await exchange({
        operation: request.operation,
        action,
        body,
        response: file.response,
        on: 'search',
        context,
      });
      if (outcome.kind === 'refused') throw outcome.error;
      if (outcome.kind === 'empty') return { resources: [] };
      const { resources, issues } = readRecords(operation, outcome.body, run, context.log);
      const next = file.response.next === undefined ? undefined : textAt(outcome.body, file.response.next);
      return {
        resources,
        ...(issues.length === 0 ? {} : { issues }),
        ...(next === undefined ? {} : { next }),
      };
    },

    async create() {
      throw new FicusError('not-implemented', 'to come');
    },
    async update() {
      throw new FicusError('not-implemented', 'to come');
    },
    // The service keeps nothing for a page token.
    abandon: () => {},
    close: () => client.close(),
  };
}

function notFound(type: string): FicusError {
  return new FicusError('not-found', `There is no ${type} with this id.`);
}
