import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import { operationOutcome } from '../../../../src/fhir/outcome.ts';
import { searchParameter } from '../../../../src/fhir/search-parameters.ts';
import type { Endpoint, JsonObject, Resource } from '../../../../src/fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse } from '../../../../src/ports.ts';
import { checkContract } from '../../../../src/strangler/gates/contract-check.ts';
import { createFakeClock, createTestLogger } from '../../resilience/support.ts';

const parameters = (type: string, ...names: string[]) => names.map((name) => searchParameter(type, name)!);
const PROMISES = [
  { endpoint: 'Patient.read' },
  {
    endpoint: 'Patient.search',
    search: parameters(
      'Patient',
      'identifier',
      'birthdate',
      'family',
      'active',
      '_id',
      'general-practitioner',
    ),
  },
  { endpoint: 'Patient.create' },
  { endpoint: 'Patient.update' },
] as const satisfies readonly { endpoint: Endpoint; search?: unknown }[];

const piped = (status: number, resource: Resource): FhirResponse => ({
  status,
  headers: { 'content-type': 'application/fhir+json' },
  body: {
    kind: 'pipe',
    pipe: (sink) => pipeline(Readable.from([Buffer.from(JSON.stringify(resource))]), sink),
    discard: () => {},
  },
  servedBy: 'modern:labs',
});
const refusal = (status: number): FhirResponse =>
  piped(status, operationOutcome([{ severity: 'error', code: 'invalid', diagnostics: 'no' }]));
const bundle = (self: string, ...resources: JsonObject[]): FhirResponse =>
  piped(200, {
    resourceType: 'Bundle',
    type: 'searchset',
    link: [{ relation: 'self', url: self }],
    entry: resources.map((resource) => ({ resource })),
  });

const known = (name: string): boolean =>
  PROMISES[1].search.some(({ code }) => code === name) || name === '_count';

/** A service that does what FHIR says. */
function answer(request: FhirRequest): FhirResponse {
  const applied = request.query?.applied ?? [];
  switch (request.interaction) {
    case 'search': {
      if (request.handling === 'strict' && applied.some(([name]) => !known(name))) return refusal(400);
      const self = `http://x/Patient?${applied.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')}`;
      const all = applied.every(([name]) => name === '_count' || name === 'active');
      return bundle(self, ...(all ? [{ resourceType: 'Patient', id: 'a', active: true }] : []));
    }
    case 'read':
    case 'vread':
    case 'history':
    case 'everything':
      return refusal(404);
    case 'create':
      return request.resource?.resourceType === 'Patient' ? piped(201, request.resource) : refusal(400);
    case 'update':
    default:
      return request.resource?.id === request.id ? piped(200, request.resource!) : refusal(400);
  }
}

const check = (handle: (request: FhirRequest) => FhirResponse) => {
  const backend: Backend = { handle: async (request) => handle(request) };
  return checkContract({
    name: 'labs',
    backend,
    promises: PROMISES,
    clock: createFakeClock(5),
    log: createTestLogger(),
  });
};

describe('the contract tests of a backend', () => {
  it('pass for one that keeps to FHIR', async () => {
    expect(await check(answer)).toEqual({
      backend: 'labs',
      at: 5,
      endpoints: ['Patient.read', 'Patient.search', 'Patient.create', 'Patient.update'],
      passed: 11,
      failed: [],
    });
  });

  const isSearchBy = (request: FhirRequest, name: string): boolean =>
    request.query?.applied.some(([it]) => it === name) ?? false;
  const faults: readonly (readonly [string, (request: FhirRequest) => FhirResponse, string, RegExp])[] = [
    [
      'answers 200 for what it does not have',
      (it) => (it.interaction === 'read' ? piped(200, { resourceType: 'Patient' }) : answer(it)),
      'Patient.read of an unknown id',
      /status 200, 404 was expected/,
    ],
    [
      'leaves a parameter out of its self link',
      (it) => (isSearchBy(it, 'family') ? bundle('http://x/Patient') : answer(it)),
      'Patient.search by family',
      /left out of the search/,
    ],
    [
      'ignores a parameter and says it did not',
      (it) =>
        isSearchBy(it, 'identifier')
          ? bundle('http://x/Patient?identifier=x', { resourceType: 'Patient' })
          : answer(it),
      'Patient.search by identifier',
      /a value that nothing has/,
    ],
    [
      'cannot do a parameter',
      (it) => (isSearchBy(it, 'birthdate') ? refusal(400) : answer(it)),
      'Patient.search by birthdate',
      /status 400, 200 was expected/,
    ],
    [
      'answers a search with a resource',
      (it) => (isSearchBy(it, '_id') ? piped(200, { resourceType: 'Patient' }) : answer(it)),
      'Patient.search by _id',
      /no searchset/,
    ],
    [
      'gives resources that are not valid',
      (it) =>
        isSearchBy(it, '_count')
          ? bundle('http://x', { resourceType: 'Patient', gender: 'unheard-of' })
          : answer(it),
      'Patient.search gives valid resources',
      /Patient\.gender/,
    ],
    [
      'gives other types',
      (it) => (isSearchBy(it, '_count') ? bundle('http://x', { resourceType: 'Basic' }) : answer(it)),
      'Patient.search gives valid resources',
      /is no Patient/,
    ],
    [
      'takes an unknown parameter in silence',
      (it) => (it.handling === 'strict' && it.interaction === 'search' ? bundle('http://x') : answer(it)),
      'Patient.search by an unknown parameter, strictly',
      /status 200, 400 was expected/,
    ],
    [
      'stores a resource of another type',
      (it) => (it.interaction === 'create' ? piped(201, { resourceType: 'Parameters' }) : answer(it)),
      'Patient.create of another type',
      /removed by hand/,
    ],
    [
      'stores under another id',
      (it) => (it.interaction === 'update' ? piped(200, { resourceType: 'Patient' }) : answer(it)),
      'Patient.update under another id',
      /removed by hand/,
    ],
  ];
  it.each(faults)('tell when it %s', async (_name, handle, name, words) => {
    const { failed, passed } = await check(handle);
    expect(failed).toEqual([{ name, words: expect.stringMatching(words) as string }]);
    expect(passed).toBe(10);
  });

  it('take a refusal that is thrown for an answer, and no answer for a failure', async () => {
    const thrown = await check((request) => {
      if (request.interaction === 'read') throw new FicusError('not-found', 'not here');
      return answer(request);
    });
    expect(thrown.failed).toEqual([]);
    const down = await check(() => {
      throw new FicusError('unavailable', 'labs is not available');
    });
    expect(down).toMatchObject({ passed: 0 });
    expect(down.failed).toHaveLength(11);
    expect(down.failed[0]?.words).toBe('no usable answer: unavailable, labs is not available');
  });

  it('break a question off at its deadline', async () => {
    const clock = createFakeClock();
    const backend: Backend = {
      handle: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    };
    const checking = checkContract({
      name: 'labs',
      backend,
      promises: [PROMISES[0]],
      clock,
      log: createTestLogger(),
      deadlineMs: 100,
    });
    await clock.advance(100);
    expect((await checking).failed).toEqual([
      { name: 'Patient.read of an unknown id', words: 'no usable answer: timeout, no answer in time' },
    ]);
  });
});
