import type { Issue } from '../errors.ts';
import { isJsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import type { SearchFilter, SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, RequestContext } from '../ports.ts';
import { askAll } from './ask.ts';
import { evaluable } from './parameter.ts';

export interface HasOptions {
  /** This server's own base address, without a slash at its end. */
  readonly base?: string;
  /** Whether a caller may ask for a resource by its id. */
  readonly mayName: (type: string, id: string) => boolean;
  /** Most resources that are looked at, and most that one `_has` may stand for. */
  readonly maxReferred: number;
  readonly maxBytes: number;
}

/** What one `_has` stands for. */
export interface Referred {
  /** Logical ids of the resources that are referred to. */
  readonly ids: readonly string[];
  readonly issues: readonly Issue[];
  readonly servedBy: string;
}

/**
 * The resources of `type` that those refer to which one `_has` finds, by a search of its own (FHIR R4 search.html#has).
 * @param pair name and value as they were asked for
 * @returns undefined: too many
 */
export async function resolveHas(
  type: string,
  { source, param, filter }: NonNullable<SearchFilter['has']>,
  [name, raw]: readonly [string, string],
  backend: Backend,
  context: RequestContext,
  options: HasOptions,
): Promise<Referred | undefined> {
  const { maxReferred, maxBytes } = options;
  const count = maxReferred + 1;
  const query: SearchQuery = {
    type: source,
    filters: [filter],
    sort: [],
    count,
    include: [],
    applied: [
      [name.slice(`_has:${source}:${param}:`.length), raw],
      ['_count', String(count)],
    ],
    ignored: [],
  };
  const found = await askAll(backend, query, context, maxReferred, maxBytes);
  if (!found) return undefined;
  const { set, servedBy } = found;
  const ids = new Set(set.matches.flatMap((it) => referredBy(it, param, type, options.base)));
  const named = [...ids].filter((id) => options.mayName(type, id)).sort();
  return { ids: named, issues: set.issues, servedBy };
}

/** Ids of the resources of a type that a resource refers to, here, by one of its parameters. */
export function referredBy(
  resource: Resource,
  param: string,
  type: string,
  base: string | undefined,
): string[] {
  const elements = evaluable(resource.resourceType, param)?.extract(resource) ?? [];
  return elements.flatMap((element) => {
    const reference = isJsonObject(element) ? element['reference'] : undefined;
    const parsed = typeof reference === 'string' ? parseReference(reference) : undefined;
    const here = parsed?.kind === 'relative' || (parsed?.kind === 'absolute' && parsed.base === base);
    return here && parsed.type === type ? [parsed.id] : [];
  });
}
