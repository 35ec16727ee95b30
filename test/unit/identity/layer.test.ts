import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/fhir/types.ts';
import { createMemoryCrosswalkStore } from '../../../src/store/memory.ts';
import { answer, found, outcome, query, read, search } from '../resilience/support.ts';
import { oldSealer, LONG, idOf, ann, bob, over, frozen, resourceOf } from './layer-support.ts';

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
