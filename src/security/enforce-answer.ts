import { FicusError } from '../errors.ts';
import { isJsonObject } from '../fhir/json.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import type { FhirBody, FhirRequest, FhirResponse, RequestContext } from '../ports.ts';
import type { Access, Permission, Withheld } from '../security-ports.ts';
import type { Sight } from './visible.ts';

/** One request of a caller who may not have everything. */
export interface Turn {
  readonly request: FhirRequest;
  readonly context: RequestContext;
  readonly access: Access;
}

/** Divides resources by whether they may leave. */
export class Sieve {
  /** Why some did not that the grants reach. */
  readonly withheld: Withheld[] = [];
  readonly #sight: Sight;
  readonly #access: Access;
  readonly #permissions: readonly Permission[];

  /** @param permissions one of them is needed */
  constructor(sight: Sight, access: Access, permissions: readonly Permission[]) {
    this.#sight = sight;
    this.#access = access;
    this.#permissions = permissions;
  }

  /** @param together what came with it */
  keeps(resource: Resource, together?: readonly Resource[]): boolean {
    const verdict = this.#sight.judge(this.#access, resource, this.#permissions, together);
    if (typeof verdict === 'object') this.withheld.push(verdict);
    return verdict === 'seen';
  }
}

/** Links of a page. Those that lead past what lies between would tell where it ends. */
const LINKS: readonly unknown[] = ['self', 'first', 'next'];

/**
 * The versions on a page of a history that may be seen, as a Bundle; the present one may. It has a total, that of what
 * may be seen, where it is the only page.
 */
export function judgedHistory(history: Resource, sieve: Sieve, page: string | undefined): Resource {
  const { entry, total: _total, link, ...rest } = history;
  const kept = objects(entry).filter((one) => {
    const resource = resourceOf(one);
    return resource !== undefined && sieve.keeps(resource);
  });
  const links = objects(link).filter(({ relation }) => LINKS.includes(relation));
  const whole = page === undefined && !links.some(({ relation }) => relation === 'next');
  return {
    ...rest,
    ...(whole ? { total: kept.length } : {}),
    ...(links.length === 0 ? {} : { link: links }),
    ...(kept.length === 0 ? {} : { entry: kept }),
  };
}

/** An answer whose body was read: headers that described the bytes do not describe the new ones. */
export function withBody(response: FhirResponse, body: FhirBody): FhirResponse {
  if (response.body.kind !== 'pipe') return { ...response, body };
  const headers = Object.entries(response.headers).filter(
    ([name]) => name !== 'content-length' && name !== 'content-encoding',
  );
  if (body.kind === 'pipe') return { ...response, headers: Object.fromEntries(headers), body };
  return {
    ...response,
    headers: Object.fromEntries(headers.filter(([name]) => name !== 'content-type')),
    body,
  };
}

function resourceOf({ resource }: JsonObject): Resource | undefined {
  return isJsonObject(resource) && typeof resource['resourceType'] === 'string'
    ? (resource as Resource)
    : undefined;
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item) => isJsonObject(item)) : [];
}

/** The same words for what is not there and for what may not be seen. */
export function notThere({ type, interaction }: FhirRequest): FicusError {
  const words = interaction === 'vread' ? `There is no such version of this ${type}.` : `There is no ${type} with this id.`; // prettier-ignore
  return new FicusError('not-found', words);
}
