import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contractLayer } from '../../../src/contract/layer.ts';
import { loadContract } from '../../../src/contract/load.ts';
import { FicusError } from '../../../src/errors.ts';
import type { SearchQuery } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend, FhirRequest, RequestContext } from '../../../src/ports.ts';

const contract = loadContract(
  readFileSync(join(import.meta.dirname, '../../../contracts/fhir-r4.yaml'), 'utf8'),
);
const silent = (): void => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent, child: () => log };
const context: RequestContext = {
  requestId: 'r',
  traceparent: '',
  principal: { key: 'anonymous' },
  signal: new AbortController().signal,
  deadline: 0,
  log,
  timing: silent,
};

/** Sends a request through the Layer; gives what came out below it, or the refusal. */
async function send(
  request: Partial<FhirRequest> & Pick<FhirRequest, 'interaction' | 'type'>,
): Promise<FhirRequest> {
  let below: FhirRequest | undefined;
  const backend: Backend = {
    handle: (it) => {
      below = it;
      return Promise.resolve({ status: 200, headers: {}, body: { kind: 'none' }, servedBy: 'legacy:test' });
    },
  };
  await contractLayer(contract)(backend).handle({ handling: 'strict', ...request }, context);
  if (!below) throw new Error('nothing came through');
  return below;
}

async function refusal(request: Parameters<typeof send>[0]): Promise<FicusError> {
  const error: unknown = await send(request).then(
    () => new Error('was let through'),
    (it: unknown) => it,
  );
  if (error instanceof FicusError) return error;
  throw error;
}

const patient: Resource = { resourceType: 'Patient', id: 'p1', name: [{ family: 'A' }] };
const criteria: SearchQuery = {
  type: 'Patient',
  filters: [],
  sort: [],
  include: [],
  applied: [],
  ignored: [],
};

describe('the contract Layer', () => {
  it.each([
    { interaction: 'read', type: 'Patient', id: 'p1' },
    { interaction: 'search', type: 'Encounter', query: criteria },
    { interaction: 'everything', type: 'Patient', id: 'p1', query: criteria, everything: {} },
    { interaction: 'update', type: 'Patient', id: 'p1', resource: patient },
    { interaction: 'update', type: 'Patient', query: criteria, resource: patient },
    { interaction: 'create', type: 'Patient', ifNoneExist: criteria, resource: { resourceType: 'Patient' } },
  ] as const)('lets $interaction of $type through as it is', async (request) => {
    expect(await send(request)).toEqual({ handling: 'strict', ...request });
  });

  it('leaves a body that is streamed alone', async () => {
    const body = Buffer.from('{"resourceType":"Nonsense"}');
    expect((await send({ interaction: 'create', type: 'Observation', body })).body).toBe(body);
  });

  it('refuses an operation that the contract does not have with 404', async () => {
    const error = await refusal({ interaction: 'everything', type: 'Encounter', id: 'e1' });
    expect({ code: error.code, status: error.status }).toEqual({ code: 'not-promised', status: 404 });
  });

  it('refuses a type outside of the API with 404', async () => {
    const error = await refusal({ interaction: 'read', type: 'Account', id: '1' });
    expect(error).toMatchObject({ code: 'not-promised', status: 404 });
  });

  it.each([
    [{ interaction: 'read', type: 'ServiceRequest', id: '1' }, 'OPTIONS'],
    [{ interaction: 'search', type: 'ServiceRequest' }, 'POST, OPTIONS'],
    [{ interaction: 'create', type: 'Encounter' }, 'GET, HEAD, OPTIONS'],
    [{ interaction: 'update', type: 'Encounter', id: '1' }, 'GET, HEAD, OPTIONS'],
    [{ interaction: 'vread', type: 'ServiceRequest', id: '1', versionId: '1' }, 'OPTIONS'],
  ] as const)('refuses %j with 405 and Allow: %s', async (request, allow) => {
    const error = await refusal(request);
    expect(error).toMatchObject({ code: 'method-not-allowed', status: 405, headers: { allow } });
    expect(error.message).toContain(request.interaction);
  });

  it.each([
    { interaction: 'update', type: 'Appointment', query: criteria },
    { interaction: 'create', type: 'ServiceRequest', ifNoneExist: criteria },
  ] as const)('refuses criteria on $interaction of $type', async (request) => {
    expect(await refusal(request)).toMatchObject({ code: 'search-unsupported', status: 400 });
  });

  const bodies: readonly (readonly [string, Parameters<typeof send>[0], readonly string[]])[] = [
    [
      'another type',
      { interaction: 'create', type: 'Patient', resource: { resourceType: 'Basic', code: { text: 'x' } } },
      ['Patient.resourceType'],
    ],
    [
      'no id on an update',
      { interaction: 'update', type: 'Patient', id: 'p1', resource: { resourceType: 'Patient' } },
      ['Patient.id'],
    ],
    ['another id', { interaction: 'update', type: 'Patient', id: 'p2', resource: patient }, ['Patient.id']],
    [
      'every fault at once',
      {
        interaction: 'update',
        type: 'Patient',
        id: 'p2',
        resource: { ...patient, gender: 'F', name: [{ famly: 'x' }] },
      },
      ['Patient.id', 'Patient.name[0].famly', 'Patient.gender'],
    ],
  ];

  it.each(bodies)('refuses a body with %s', async (_what, request, expressions) => {
    const error = await refusal(request);
    expect(error).toMatchObject({ code: 'invalid', status: 400 });
    expect(error.issues.flatMap((it) => it.expression)).toEqual(expressions);
  });

  it('ignores the id and version a client left in a create', async () => {
    const meta = { versionId: '7', lastUpdated: '2024-01-01T00:00:00Z', source: 'urn:x' };
    const { resource } = await send({
      interaction: 'create',
      type: 'Patient',
      resource: { ...patient, meta },
    });
    expect(resource).toEqual({ resourceType: 'Patient', name: [{ family: 'A' }], meta: { source: 'urn:x' } });
    const bare = await send({
      interaction: 'create',
      type: 'Patient',
      resource: { ...patient, meta: { versionId: '7' } },
    });
    expect(bare.resource).toEqual({ resourceType: 'Patient', name: [{ family: 'A' }] });
  });
});
