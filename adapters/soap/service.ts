import type { CompiledMap } from '../../src/mapping/map-compiler.ts';
import type { InteractionFile } from '../../src/mapping/exchange-schema.ts';
import type { MappingSet } from '../../src/mapping/mapping-set.ts';
import type { Authority } from '../../src/mapping/run.ts';
import type { Endpoint, Interaction } from '../../src/fhir/types.ts';
import { createErrorTable } from './error-table.ts';
import type { ErrorTable } from './error-table.ts';

/** The request of an interaction over SOAP, as its file says. */
export type SoapRequestFile = Extract<InteractionFile['request'], { readonly operation: string }>;

/** One endpoint as an exchange: its file, compiled. */
export interface Operation {
  readonly endpoint: Endpoint;
  readonly type: string;
  readonly file: InteractionFile;
  readonly request: SoapRequestFile;
  /** How a record of the answer is read. */
  readonly map: CompiledMap;
  /** Path of the record, or of the repeating records, in the answer. */
  readonly records: string;
  /** Whose numbers name the resources. */
  readonly authority: Authority;
}

/** What a service can do. */
export interface Service {
  readonly operations: ReadonlyMap<Endpoint, Operation>;
  readonly errors: ErrorTable;
}

/**
 * The interactions of one service, checked.
 *
 * @throws Error with everything that is wrong, a line each: no interactions, parts that are missing, authorities that
 *   the configuration does not register.
 */
export function compileService(
  service: string,
  mappings: MappingSet,
  authorities: readonly Authority[],
): Service {
  const operations = new Map<Endpoint, Operation>();
  const problems: string[] = [];
  for (const file of mappings.interactions.values()) {
    if (file.adapter !== 'soap' || !file.interaction.startsWith(`${service}/`)) continue;
    try {
      const operation = compileOperation(file, mappings, authorities);
      operations.set(operation.endpoint, operation);
    } catch (error) {
      problems.push(`${file.interaction}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (operations.size === 0 && problems.length === 0)
    problems.push(`no mappings of a SOAP service ${service}; there are: ${servicesOf(mappings).join(', ')}`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const tables = [mappings.errors.get(service), mappings.errors.get('SOAP')];
  return { operations, errors: createErrorTable(tables.filter((table) => table !== undefined)) };
}

function servicesOf({ interactions }: MappingSet): string[] {
  const soap = [...interactions.values()].filter(({ adapter }) => adapter === 'soap');
  return [...new Set(soap.map(({ interaction }) => interaction.slice(0, interaction.indexOf('/'))))];
}

function compileOperation(
  file: InteractionFile,
  mappings: MappingSet,
  authorities: readonly Authority[],
): Operation {
  const { request, response } = file;
  const endpoint = file.interaction.slice(file.interaction.indexOf('/') + 1) as Endpoint;
  if (!('operation' in request)) throw new Error('the request names no operation');
  const { each, element, status } = response;
  if (!each || element === undefined || status === undefined || response.done.length === 0)
    throw new Error('the response needs element, status, done and each');
  const map = mappings.combined(each.maps);
  const [type, interaction] = endpoint.split('.') as [string, Interaction];
  if (map.fhirType !== type) throw new Error(`${map.name} makes no ${type}`);
  const keyed = map.rows.find(({ row }) => row.fhir === 'id' && row.as === 'key')?.row.authority;
  if (keyed === undefined) throw new Error(`${map.name} has no row for the id, with its authority`);
  const authority = authorities.find(({ name }) => name === keyed);
  if (!authority)
    throw new Error(`the assigning authority ${keyed} of ${type} is not registered in the configuration`);
  if (interaction !== 'search' && request.order === undefined) throw new Error('the request needs its order');
  return { endpoint, type, file, request, map, records: each.in, authority };
}

/** The number of a key of that authority (`APPT|A50001`); undefined for a key of another one. */
export function numberOf(key: string, authority: Authority): string | undefined {
  const prefix = `${authority.name}|`;
  return key.startsWith(prefix) && key.length > prefix.length ? key.slice(prefix.length) : undefined;
}
