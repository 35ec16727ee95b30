import { expect } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { SearchQuery, SearchSet } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend, FhirBody, FhirRequest, FhirResponse } from '../../../src/ports.ts';
import { federate, type FederateOptions } from '../../../src/search/federate.ts';
import { context, describeFilters, sealer } from './support.ts';

export const patient = (id: string): Resource => ({ resourceType: 'Patient', id });
export const observation = (id: string, subject: string): Resource => ({
  resourceType: 'Observation',
  id,
  subject: { reference: subject },
});

export interface Hospital extends Backend {
  readonly calls: string[];
}

type Answer = FhirResponse | SearchSet | Resource | FicusError;

/** Answers by what it is asked: `Patient?identifier=1`, `Patient/a`, `Patient?identifier=1&_page=t1`. */
export function hospital(answers: Readonly<Record<string, Answer>>): Hospital {
  const calls: string[] = [];
  return {
    calls,
    async handle(request) {
      const asked = line(request);
      calls.push(asked);
      const answer = answers[asked];
      if (!answer) throw new FicusError('not-found', 'There is none.');
      if (answer instanceof FicusError) throw answer;
      if ('servedBy' in answer) return answer as FhirResponse;
      const body: FhirBody =
        'resourceType' in answer
          ? { kind: 'resource', resource: answer }
          : { kind: 'searchset', set: answer };
      return { status: 200, headers: {}, body, servedBy: 'legacy:core' };
    },
  };
}

function line({ interaction, type, id, query: asked }: FhirRequest): string {
  if (interaction !== 'search' || !asked) return `${type}/${id}`;
  expect(asked.include).toEqual([]);
  expect(asked.filters.some(({ chain }) => chain)).toBe(false);
  const page = asked.page === undefined ? '' : `&_page=${asked.page}`;
  return `${type}?${describeFilters(asked.filters)}${page}`;
}

export function set(matches: readonly Resource[], more: Partial<SearchSet> = {}): SearchSet {
  return { matches, included: [], issues: [], ...more };
}

export interface Piped extends FhirResponse {
  readonly discarded: () => boolean;
}

export function piped(resource: string, status = 200): Piped {
  let discarded = false;
  return {
    status,
    headers: { 'content-type': 'application/fhir+json', 'content-length': '1', etag: 'W/"1"' },
    servedBy: 'modern:labs',
    discarded: () => discarded,
    body: {
      kind: 'pipe',
      pipe: (sink) =>
        new Promise((resolve, reject) => {
          sink.once('finish', resolve);
          sink.once('error', reject);
          for (let at = 0; at < resource.length; at += 7) sink.write(resource.slice(at, at + 7));
          sink.end();
        }),
      discard: () => {
        discarded = true;
      },
    },
  };
}

export async function ask(
  next: Backend,
  asked: SearchQuery,
  change: Partial<FederateOptions> = {},
): Promise<{ response: FhirResponse; set: SearchSet }> {
  const layer = federate({
    pages: sealer(),
    base: 'https://ficus.example/fhir/r4',
    serves: (type) => ['Patient', 'Observation', 'Encounter'].includes(type),
    failClosed: new Set(['AllergyIntolerance']),
    ...change,
  })(next);
  const response = await layer.handle(
    { interaction: 'search', type: asked.type, query: asked, handling: 'lenient' },
    context(),
  );
  if (response.body.kind !== 'searchset') throw new Error(`it is a ${response.body.kind}`);
  return { response, set: response.body.set };
}
