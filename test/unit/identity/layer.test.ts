import { describe, expect, it } from 'vitest';
import type { SearchFilter } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { createAuthorities } from '../../../src/identity/authorities.ts';
import { identity } from '../../../src/identity/layer.ts';
import { createSealer } from '../../../src/identity/seal.ts';
import type { FhirRequest, FhirResponse } from '../../../src/ports.ts';
import { createMemoryCrosswalkStore } from '../../../src/store/memory.ts';
import {
  answer,
  create,
  createContext,
  createFakeClock,
  found,
  outcome,
  query,
  read,
  search,
  update,
} from '../resilience/support.ts';

const authorities = createAuthorities([
  { name: 'HOSP', namespaces: [], oid: '2.999.1.1', system: 'https://hospital.example/mrn' },
]);
const key = (id: string, first: number) => ({
  id,
  secret: Uint8Array.from({ length: 64 }, (_, n) => first + n),
});
const sealer = createSealer({ keys: [key('b', 9), key('a', 0)], authorities });
const oldSealer = createSealer({ keys: [key('a', 0)], authorities });
const BASE = 'https://ficus.example/fhir/r4';
const LONG = `HOSP|${'7'.repeat(40)}`;

const idOf = (type: string, value: string) => sealer.seal(type, value).id;
const ann = idOf('Patient', 'HOSP|1');
const bob = idOf('Patient', 'HOSP|2');

/** The Layer over a backend that notes what it is asked and answers as told. */
function over(respond: (request: FhirRequest) => FhirResponse, crosswalk = createMemoryCrosswalkStore()) {
  const asked: FhirRequest[] = [];
  const layer = identity({ sealer, crosswalk, publicBase: BASE, servedBy: 'legacy:core' });
  const backend = layer({
    handle: async (request) => {
      asked.push(request);
      return respond(request);
    },
  });
  return {
    asked,
    handle: (request: FhirRequest) => backend.handle(request, createContext(createFakeClock())),
  };
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

function resourceOf(response: FhirResponse): Resource {
  if (response.body.kind !== 'resource') throw new Error(`a ${response.body.kind} body`);
  return response.body.resource;
}

const reference = (name: string, values: SearchFilter['values'], modifier?: string): SearchFilter => ({
  name,
  type: 'reference',
  values,
  ...(modifier === undefined ? {} : { modifier }),
});

describe('a resource that was made on the modern side', () => {
  const made = '6f1c2a34-5b6d-8e7f-9a0b-1c2d3e4f5a6b';

  it('keeps the id that it was given there, in both directions', async () => {
    const crosswalk = createMemoryCrosswalkStore();
    await crosswalk.assign({ type: 'Patient', id: made, key: 'HOSP|77' });
    const { asked, handle } = over(() => answer({ resourceType: 'Patient', id: 'HOSP|77' }), crosswalk);
    expect(resourceOf(await handle(read(made))).id).toBe(made);
    expect(asked[0]).toMatchObject({ id: 'HOSP|77' });
    const appointment: Resource = {
      resourceType: 'Appointment',
      participant: [{ actor: { reference: `Patient/${made}` } }],
    };
    const writing = over((request) => answer({ ...request.resource!, id: 'HOSP|A1' }), crosswalk);
    const request = { interaction: 'create', type: 'Appointment', resource: appointment, handling: 'strict' } as const; // prettier-ignore
    const written = resourceOf(await writing.handle(request));
    expect(writing.asked[0]?.resource?.['participant']).toEqual([
      { actor: { reference: 'Patient/HOSP|77' } },
    ]);
    expect(written['participant']).toEqual(appointment['participant']);
  });

  it('is nothing as a resource of another type', async () => {
    const crosswalk = createMemoryCrosswalkStore();
    await crosswalk.assign({ type: 'Appointment', id: made, key: 'HOSP|77' });
    const { handle } = over(() => answer({ resourceType: 'Patient', id: 'HOSP|77' }), crosswalk);
    expect(await outcome(handle(read(made)))).toBe('not-found');
  });
});

describe('a read', () => {
  it('asks for the key and answers with ids, without touching what the backend gave', async () => {
    const resource = frozen<Resource>({
      resourceType: 'Appointment',
      id: 'HOSP|A1',
      participant: [
        { actor: { reference: 'Patient/HOSP|1', display: 'x' } },
        { actor: { reference: '#room' } },
      ],
      contained: [
        { resourceType: 'Location', id: 'room', managingOrganization: { reference: 'Organization/HOSP|9' } },
      ],
      extension: [{ url: 'u', valueReference: { reference: 'Patient/HOSP|2/_history/3' } }],
      basedOn: [
        { reference: 'urn:uuid:0b9c4a5e-3a66-4f6f-8f0a-6b7d6c5b4a39' },
        { reference: 'https://other.example/fhir/ServiceRequest/7' },
      ],
      minutesDuration: JSON.rawJSON('15.0'),
    });
    const { asked, handle } = over(() => answer(resource));
    const id = idOf('Appointment', 'HOSP|A1');
    const response = await handle(read(id, { type: 'Appointment' }));
    expect(asked[0]).toMatchObject({ type: 'Appointment', id: 'HOSP|A1' });
    expect(resourceOf(response)).toEqual({
      ...resource,
      id,
      participant: [
        { actor: { reference: `Patient/${ann}`, display: 'x' } },
        { actor: { reference: '#room' } },
      ],
      contained: [
        {
          resourceType: 'Location',
          id: 'room',
          managingOrganization: { reference: `Organization/${idOf('Organization', 'HOSP|9')}` },
        },
      ],
      extension: [{ url: 'u', valueReference: { reference: `Patient/${bob}/_history/3` } }],
    });
    expect(JSON.stringify(resourceOf(response))).toContain('"minutesDuration":15.0');
  });

  it.each(['nothing', '1', 'HOSP|1', idOf('Observation', 'HOSP|1'), `${ann}x`])(
    'of %j is not found, and nobody is asked',
    async (id) => {
      const { asked, handle } = over(() => answer({ resourceType: 'Patient', id: 'HOSP|1' }));
      expect(await outcome(handle(read(id)))).toBe('not-found');
      expect(asked).toEqual([]);
    },
  );

  it('by an id of an older key answers with that id', async () => {
    const old = oldSealer.seal('Patient', 'HOSP|1').id;
    const link = [{ other: { reference: 'Patient/HOSP|2' }, type: 'seealso' }];
    const { handle } = over(() => answer({ resourceType: 'Patient', id: 'HOSP|1', link }));
    const resource = resourceOf(await handle(read(old)));
    expect(resource.id).toBe(old);
    expect(resource['link']).toEqual([{ other: { reference: `Patient/${bob}` }, type: 'seealso' }]);
  });

  it('of a resource that a backend gives again is the same resource again, under the id that is asked for', async () => {
    const old = oldSealer.seal('Patient', 'HOSP|1').id;
    const kept = frozen<Resource>({ resourceType: 'Patient', id: 'HOSP|1', name: [{ family: 'Brandt' }] });
    const { handle } = over(() => answer(kept));
    const first = resourceOf(await handle(read(ann)));
    expect(resourceOf(await handle(read(ann)))).toBe(first);
    expect(resourceOf(await handle(read(old))).id).toBe(old);
    expect(resourceOf(await handle(read(ann))).id).toBe(ann);
  });

  it('of a resource that a backend gives again has the ids of now, the hashed ones remembered', async () => {
    const crosswalk = createMemoryCrosswalkStore();
    const link = [{ other: { reference: `Patient/${LONG}` }, type: 'seealso' }];
    const managing = { reference: 'Organization/HOSP|9' };
    const kept = frozen<Resource>({
      resourceType: 'Patient',
      id: 'HOSP|1',
      managingOrganization: managing,
      link,
    });
    const { handle } = over(() => answer(kept), crosswalk);
    const first = resourceOf(await handle(read(ann)));
    const [{ other }] = first['link'] as unknown as [{ other: { reference: string } }];
    await expect(crosswalk.find(other.reference.slice('Patient/'.length))).resolves.toMatchObject({
      key: LONG,
    });
    const made = '6f1c2a34-5b6d-8e7f-9a0b-1c2d3e4f5a6b';
    await crosswalk.assign({ type: 'Organization', id: made, key: 'HOSP|9' });
    const then = resourceOf(await handle(read(ann)));
    expect(then['managingOrganization']).toEqual({ reference: `Organization/${made}` });
    expect({ ...then, managingOrganization: first['managingOrganization'] }).toEqual(first);
    expect(resourceOf(await handle(read(ann)))).toBe(then);
  });

  it('is refused when a backend answers with anything but registered keys', async () => {
    for (const [resource, code] of [
      [{ resourceType: 'Patient', id: '4711' }, 'internal'],
      [
        { resourceType: 'Patient', id: 'HOSP|1', managingOrganization: { reference: 'Organization/9' } },
        'internal',
      ],
      [
        { resourceType: 'Patient', id: 'HOSP|1', managingOrganization: { reference: 'nonsense' } },
        'internal',
      ],
      [{ resourceType: 'Patient', id: 'UNKNOWN|1' }, 'legacy-malformed'],
    ] as const) {
      const { handle } = over(() => answer(resource));
      expect(await outcome(handle(read(ann)))).toBe(code);
    }
  });

  it('never lets a streamed body through', async () => {
    let discarded = false;
    const body = { kind: 'pipe' as const, pipe: async () => {}, discard: () => void (discarded = true) };
    const { handle } = over(() => ({ status: 200, headers: {}, body, servedBy: 'legacy:core' }));
    expect(await outcome(handle(read(ann)))).toBe('internal');
    expect(discarded).toBe(true);
  });
});

describe('a key too long to seal', () => {
  it('is found again by its hashed id, by this process and by the next', async () => {
    const crosswalk = createMemoryCrosswalkStore();
    const first = over(() => found({ resourceType: 'Patient', id: LONG }), crosswalk);
    const listed = await first.handle(search(query('Patient')));
    const id = listed.body.kind === 'searchset' ? listed.body.set.matches[0]?.id : undefined;
    expect(id).toMatch(/^b-/);
    const second = over(() => answer({ resourceType: 'Patient', id: LONG }), crosswalk);
    expect(resourceOf(await second.handle(read(id))).id).toBe(id);
    expect(second.asked[0]?.id).toBe(LONG);
    expect(await outcome(second.handle(read(id, { type: 'Encounter' })))).toBe('not-found');
  });
});

describe('a search', () => {
  it.each<[string, SearchFilter, SearchFilter['values']]>([
    [
      '_id',
      {
        name: '_id',
        type: 'token',
        values: [
          { text: ann, code: ann },
          { text: 'nobody', code: 'nobody' },
        ],
      },
      [{ text: 'HOSP|1', code: 'HOSP|1' }],
    ],
    [
      'a typed reference',
      reference('patient', [{ text: `Patient/${ann}`, refType: 'Patient', refId: ann }]),
      [{ text: 'Patient/HOSP|1', refType: 'Patient', refId: 'HOSP|1' }],
    ],
    [
      'a bare id',
      reference('subject', [{ text: ann, refId: ann }]),
      [{ text: 'Patient/HOSP|1', refType: 'Patient', refId: 'HOSP|1' }],
    ],
    [
      'a bare id of a named type',
      reference('subject', [{ text: ann }], 'Patient'),
      [{ text: 'Patient/HOSP|1', refType: 'Patient', refId: 'HOSP|1' }],
    ],
    [
      'our own address',
      reference('subject', [{ text: `${BASE}/Patient/${ann}` }]),
      [{ text: 'Patient/HOSP|1', refType: 'Patient', refId: 'HOSP|1' }],
    ],
    [
      'two of which one is ours',
      reference('patient', [{ text: 'x' }, { text: bob }]),
      [{ text: 'Patient/HOSP|2', refType: 'Patient', refId: 'HOSP|2' }],
    ],
    [
      'an address elsewhere',
      reference('subject', [{ text: `https://other.example/Patient/${ann}` }]),
      [{ text: `https://other.example/Patient/${ann}` }],
    ],
    [
      'an identifier',
      reference('subject', [{ text: 'urn:x|5', system: 'urn:x', code: '5' }], 'identifier'),
      [{ text: 'urn:x|5', system: 'urn:x', code: '5' }],
    ],
    ['missing', reference('subject', [{ text: 'true' }], 'missing'), [{ text: 'true' }]],
  ])('by %s asks in keys', async (_words, filter, values) => {
    const type = filter.name === '_id' ? 'Patient' : 'Observation';
    const { asked, handle } = over(() => found());
    const criteria = query(type, filter);
    await handle(search(criteria));
    expect(asked[0]?.query).toEqual({ ...criteria, filters: [{ ...filter, values }] });
  });

  it.each([
    reference('patient', [{ text: `Patient/nobody`, refType: 'Patient', refId: 'nobody' }]),
    reference('subject', [{ text: idOf('Encounter', 'HOSP|1') }]),
    reference('subject', [{ text: `${BASE}/Patient/nobody` }]),
    { name: '_id', type: 'token', values: [{ text: 'nobody', code: 'nobody' }] } satisfies SearchFilter,
  ])('by something that is not ours ($name) matches nothing, and nobody is asked', async (filter) => {
    const { asked, handle } = over(() => found({ resourceType: 'Observation', id: 'HOSP|1' }));
    const response = await handle(search(query('Observation', filter)));
    expect(response).toMatchObject({
      status: 200,
      servedBy: 'legacy:core',
      body: { set: { matches: [], total: 0 } },
    });
    expect(asked).toEqual([]);
  });

  it('that excludes an id nobody has excludes nothing', async () => {
    const { asked, handle } = over(() => found());
    await handle(
      search(
        query('Patient', { name: '_id', type: 'token', modifier: 'not', values: [{ text: 'x', code: 'x' }] }),
      ),
    );
    expect(asked[0]?.query?.filters).toEqual([]);
  });

  it('answers matches and included resources with ids', async () => {
    const { handle } = over(() => ({
      ...found({ resourceType: 'Observation', id: 'HOSP|5', subject: { reference: 'Patient/HOSP|1' } }),
      body: {
        kind: 'searchset',
        set: {
          matches: [{ resourceType: 'Observation', id: 'HOSP|5', subject: { reference: 'Patient/HOSP|1' } }],
          included: [{ resourceType: 'Patient', id: 'HOSP|1' }],
          next: 'token',
          issues: [],
        },
      },
    }));
    const response = await handle(search(query('Observation')));
    expect(response.body).toEqual({
      kind: 'searchset',
      set: {
        matches: [
          {
            resourceType: 'Observation',
            id: idOf('Observation', 'HOSP|5'),
            subject: { reference: `Patient/${ann}` },
          },
        ],
        included: [{ resourceType: 'Patient', id: ann }],
        next: 'token',
        issues: [],
      },
    });
  });
});

describe('a write', () => {
  const order = (subject: string): Resource => ({
    resourceType: 'ServiceRequest',
    id: 'chosen-by-client',
    subject: { reference: subject },
  });
  const ask = (resource: Resource) => create({ type: 'ServiceRequest', resource, body: new Uint8Array(1) });
  const made = () =>
    answer({ resourceType: 'ServiceRequest', id: 'HOSP|O1' }, 201, {
      location: 'ServiceRequest/HOSP|O1',
      etag: 'W/"1"',
    });

  it.each([`Patient/${ann}`, `${BASE}/Patient/${ann}`])('refers to %s by its key', async (subject) => {
    const { asked, handle } = over(made);
    const response = await handle(ask(frozen(order(subject))));
    expect(asked[0]?.resource).toEqual({
      resourceType: 'ServiceRequest',
      subject: { reference: 'Patient/HOSP|1' },
    });
    expect(asked[0]).not.toHaveProperty('body');
    const id = idOf('ServiceRequest', 'HOSP|O1');
    expect(response.headers).toEqual({ location: `ServiceRequest/${id}`, etag: 'W/"1"' });
    expect(resourceOf(response).id).toBe(id);
  });

  it.each(['#p', 'urn:uuid:0b9c4a5e-3a66-4f6f-8f0a-6b7d6c5b4a39', 'https://other.example/fhir/Patient/7'])(
    'keeps %s',
    async (subject) => {
      const { asked, handle } = over(made);
      await handle(ask(order(subject)));
      expect(asked[0]?.resource?.['subject']).toEqual({ reference: subject });
    },
  );

  it('names every reference that is not ours', async () => {
    const { asked, handle } = over(made);
    const resource: Resource = {
      ...order('Patient/nobody'),
      requester: { reference: 'nonsense' },
      encounter: { reference: `Patient/${ann}/_history/1` },
      reasonReference: [{ reference: `Patient/${ann}` }, { reference: `${BASE}/Condition?code=1` }],
    };
    const error: unknown = await handle(ask(resource)).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'value-invalid', status: 422 });
    expect(
      (error as { issues: { expression: string[] }[] }).issues.flatMap((issue) => issue.expression),
    ).toEqual([
      'ServiceRequest.subject.reference',
      'ServiceRequest.requester.reference',
      'ServiceRequest.encounter.reference',
      'ServiceRequest.reasonReference[1].reference',
    ]);
    expect(asked).toEqual([]);
  });

  it('updates by key, in the path and in the body', async () => {
    const { asked, handle } = over(() => answer({ resourceType: 'Patient', id: 'HOSP|1' }));
    const response = await handle(update(ann));
    expect(asked[0]).toMatchObject({ id: 'HOSP|1', resource: { id: 'HOSP|1', active: true } });
    expect(resourceOf(response).id).toBe(ann);
    expect(await outcome(handle(update('nobody')))).toBe('not-found');
  });
});
