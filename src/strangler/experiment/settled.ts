import { toFicusError } from '../../errors.ts';
import type { FicusError } from '../../errors.ts';
import { isJsonObject } from '../../fhir/json.ts';
import type { SearchQuery } from '../../fhir/search-query.ts';
import { shaped } from '../../fhir/summary.ts';
import type { Json, Resource } from '../../fhir/types.ts';
import type { Answered } from '../../migration-ports.ts';
import type { FhirBody, FhirRequest } from '../../ports.ts';
import { isTechnicalStatus } from '../calls.ts';
import { comparableBody, comparableError } from '../compare/answer.ts';
import type { ComparableAnswer } from '../compare/answer.ts';

/** An answer with nothing left to read. */
export type Settled =
  | { readonly error: FicusError }
  | {
      readonly status: number;
      readonly body: Exclude<FhirBody, { readonly kind: 'pipe' }>;
      /** It came as bytes, in the shape in which clients get it. */
      readonly piped: boolean;
      /** `Retry-After` of the answer. */
      readonly retryAfter?: string;
    };

/** What a side said, as far as it has said it. */
export interface Page {
  readonly answer: ComparableAnswer;
  /** Where a set goes on: a token of ours, or the parameters of a link. */
  readonly next?: string | readonly (readonly [name: string, value: string])[];
}

/**
 * What the client was answered, when it is still there to be compared; undefined: its bytes are gone, or it had the
 * record already (304).
 */
export function atHand(outcome: Answered['outcome']): Settled | undefined {
  if ('error' in outcome) return { error: outcome.error };
  const { status, body } = outcome.response;
  if (body.kind === 'pipe' || status === 304) return undefined;
  return { status, body, piped: false };
}

/** A fault as the answer that it is. */
export function failed(error: unknown): Settled {
  return { error: toFicusError(error) };
}

export function statusOf(settled: Settled): number {
  return 'error' in settled ? settled.error.status : settled.status;
}

/**
 * Whether a side has failed, rather than answered: no answer, a fault, a deadline, no time for us. As the router counts
 * it.
 */
export function isTechnical(settled: Settled): boolean {
  return isTechnicalStatus(statusOf(settled));
}

/** Whether an answer says something of the record. A refusal with a reason does; a failure does not. */
export function isTelling(settled: Settled): boolean {
  return !isTechnical(settled);
}

const BUSY: ReadonlySet<number> = new Set([429, 503]);

/**
 * How long a side has asked to be left alone, in milliseconds: `Retry-After` of a 429 or a 503, in seconds or as a date
 * (RFC 9110 §10.2.3). 0: it has not.
 *
 * @param now epoch milliseconds
 */
export function restOf(settled: Settled, now: number): number {
  if (!BUSY.has(statusOf(settled))) return 0;
  const said = 'error' in settled ? settled.error.headers['retry-after'] : settled.retryAfter;
  if (said === undefined) return 0;
  const ms = /^\d+$/.test(said) ? Number(said) * 1_000 : Date.parse(said) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/**
 * An answer as it is compared: in the shape that the client asked for, which of ours http/ makes (src/fhir/bundle.ts)
 * and a service itself.
 */
export function pageOf(settled: Settled, { query }: FhirRequest): Page {
  if ('error' in settled) return { answer: comparableError(settled.error) };
  const { status, piped } = settled;
  const body = query && !piped && status < 400 ? shapedBody(settled.body, query) : settled.body;
  const next = nextOf(body);
  return { answer: comparableBody(status, body, query), ...(next === undefined ? {} : { next }) };
}

type Body = Exclude<FhirBody, { readonly kind: 'pipe' }>;

function shapedBody(body: Body, query: SearchQuery): Body {
  const { summary } = query;
  if (body.kind === 'none' || (summary === undefined && !query.elements)) return body;
  if (body.kind === 'resource') return { kind: 'resource', resource: shaped(body.resource, query) };
  const { matches, included, next, ...set } = body.set;
  if (summary === 'count') return { kind: 'searchset', set: { ...set, matches: [], included: [] } };
  return {
    kind: 'searchset',
    set: {
      ...set,
      matches: matches.map((match) => shaped(match, query)),
      included: summary === undefined ? included : included.map((it) => shaped(it, { summary })),
      ...(next === undefined ? {} : { next }),
    },
  };
}

function nextOf(body: Body): Page['next'] {
  if (body.kind === 'searchset') return body.set.next;
  const links = body.kind === 'resource' ? body.resource['link'] : undefined;
  if (body.kind !== 'resource' || body.resource.resourceType !== 'Bundle' || !Array.isArray(links))
    return undefined;
  const url = links.filter((link) => isJsonObject(link)).find(({ relation }) => relation === 'next')?.['url'];
  if (typeof url !== 'string') return undefined;
  const mark = url.indexOf('?');
  return mark === -1 ? [] : [...new URLSearchParams(url.slice(mark + 1))];
}

/** Any resource by its name: whether R4 knows the type is for the comparison to see. */
export function isResource(value: Json | undefined): value is Resource {
  return isJsonObject(value) && typeof value['resourceType'] === 'string';
}
