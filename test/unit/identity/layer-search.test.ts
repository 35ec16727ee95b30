import { describe, expect, it } from 'vitest';
import type { SearchFilter } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { answer, create, found, outcome, query, search, update } from '../resilience/support.ts';
import { BASE, idOf, ann, bob, over, frozen, resourceOf, reference } from './layer-support.ts';

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
