import { isJsonObject } from '../../fhir/json.ts';
import type { SearchQuery } from '../../fhir/search-query.ts';
import type { Json } from '../../fhir/types.ts';
import type { FhirRequest } from '../../ports.ts';

/**
 * Turns the parameters of a request into what Backends are asked; throws FicusError when they are not promised any
 * more.
 */
export type ParseQuery = (
  type: string,
  pairs: readonly (readonly [name: string, value: string])[],
  handling: FhirRequest['handling'],
) => SearchQuery;

/** A read or search by its parameters alone: what is kept to ask it again. It holds patient data. */
export interface AskedRequest {
  readonly interaction: 'read' | 'search';
  readonly type: string;
  /** Of a read. */
  readonly id?: string;
  /** Of a search; of a read its `_summary` and `_elements`. */
  readonly pairs: readonly (readonly [name: string, value: string])[];
  readonly handling: FhirRequest['handling'];
}

/** The parameters of a request; undefined for what cannot be asked again: a write, a version, a later page. */
export function askedRequest(request: FhirRequest): AskedRequest | undefined {
  const { interaction, type, id, query, handling } = request;
  if (interaction !== 'read' && interaction !== 'search') return undefined;
  if (query?.page !== undefined) return undefined;
  return {
    interaction,
    type,
    ...(id === undefined ? {} : { id }),
    pairs: query?.applied ?? [],
    handling,
  };
}

/** The same request as Backends are asked it. @throws FicusError what `parse` throws */
export function fhirRequestOf(asked: AskedRequest, parse: ParseQuery): FhirRequest {
  const { interaction, type, id, pairs, handling } = asked;
  const query = interaction === 'search' || pairs.length > 0 ? parse(type, pairs, handling) : undefined;
  return { interaction, type, ...(id === undefined ? {} : { id }), ...(query ? { query } : {}), handling };
}

/** One text for one question, whatever the order of its parameters: what hashes of requests are made of. */
export function requestText({ interaction, type, id, query }: FhirRequest): string {
  const pairs = (query?.applied ?? []).map(([name, value]) => `${name}=${value}`).toSorted();
  return JSON.stringify([interaction, type, id ?? null, pairs]);
}

/** Reads what was written as JSON; undefined when it is not that. */
export function readAskedRequest(json: Json): AskedRequest | undefined {
  if (!isJsonObject(json)) return undefined;
  const { interaction, type, id, pairs, handling } = json;
  if (interaction !== 'read' && interaction !== 'search') return undefined;
  if (typeof type !== 'string' || !Array.isArray(pairs)) return undefined;
  if (handling !== 'strict' && handling !== 'lenient') return undefined;
  const read = pairs.flatMap((pair): [string, string][] => {
    const [name, value] = Array.isArray(pair) ? pair : [];
    return typeof name === 'string' && typeof value === 'string' ? [[name, value]] : [];
  });
  return { interaction, type, ...(typeof id === 'string' ? { id } : {}), pairs: read, handling };
}
