import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createModernService, type ModernService } from '../../sandbox/modern/index.ts';

let service: ModernService;
beforeEach(async () => {
  service = await createModernService({ port: 0 });
  onTestFinished(() => service.close());
});

async function http(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; json: unknown }> {
  const response = await fetch(`${service.base}${path}`, {
    method,
    headers: { ...(body ? { 'content-type': 'application/fhir+json' } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: text === '' ? undefined : JSON.parse(text),
  };
}

interface Bundle {
  readonly total: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly { readonly fullUrl: string; readonly resource: { readonly id: string } }[];
}
const found = async (path: string): Promise<string[]> => {
  const { status, json } = await http('GET', `/${path}`);
  expect(status, JSON.stringify(json)).toBe(200);
  return ((json as Bundle).entry ?? []).map(({ resource }) => resource.id);
};

const appointment = (id: string | undefined, more: object = {}): object => ({
  resourceType: 'Appointment',
  ...(id === undefined ? {} : { id }),
  status: 'booked',
  start: '2031-01-06T09:00:00+01:00',
  participant: [
    { actor: { reference: 'Patient/p1', type: 'Patient' }, status: 'accepted' },
    {
      actor: { type: 'Practitioner', identifier: { system: 'urn:staff', value: 'P101' } },
      status: 'accepted',
    },
  ],
  ...more,
});

describe('appointments', () => {
  it('are upserted under the id that the client gives, guarded by If-Match', async () => {
    const first = await http('PUT', '/Appointment/mine', appointment('mine'));
    expect([first.status, first.headers.get('etag')]).toEqual([201, 'W/"1"']);
    expect(first.headers.get('location')).toBe(`${service.base}/Appointment/mine/_history/1`);
    const change = appointment('mine', { status: 'cancelled' });
    const stale = await http('PUT', '/Appointment/mine', change, { 'if-match': 'W/"9"' });
    expect(stale.status).toBe(412);
    const second = await http('PUT', '/Appointment/mine', change, { 'if-match': 'W/"1"' });
    expect([second.status, second.headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect((await http('GET', '/Appointment/mine')).json).toMatchObject({ status: 'cancelled' });
    expect((await http('GET', '/Appointment/mine/_history/1')).json).toMatchObject({ status: 'booked' });
  });

  it('are created once under If-None-Exist', async () => {
    const body = appointment(undefined, { identifier: [{ system: 'urn:b', value: 'B-1' }] });
    const create = () => http('POST', '/Appointment', body, { 'if-none-exist': 'identifier=urn:b|B-1' });
    const [first, again] = [await create(), await create()];
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(await found('Appointment')).toHaveLength(1);
  });

  it.each([
    [{ ...appointment('x'), status: 'final' }, 422],
    [{ resourceType: 'Appointment', id: 'x', status: 'booked' }, 422],
    [{ ...appointment('x'), participant: [] }, 422],
    [{ ...appointment('x'), resourceType: 'Observation' }, 400],
    [appointment('another'), 400],
  ])('are refused when something is wrong with them (%#)', async (body, status) => {
    const answer = await http('PUT', '/Appointment/x', body);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ resourceType: 'OperationOutcome' });
    expect((await http('GET', '/Appointment/x')).status).toBe(404);
  });

  describe('searched', () => {
    beforeEach(async () => {
      await http('PUT', '/Appointment/late', appointment('late', { start: '2031-03-01T10:00:00+01:00' }));
      await http(
        'PUT',
        '/Appointment/early',
        appointment('early', {
          start: '2031-01-05T23:30:00Z',
          status: 'pending',
          identifier: [{ system: 'urn:b', value: 'B-7' }],
          serviceType: [{ coding: [{ system: 'urn:s', code: 'echo' }] }],
        }),
      );
      await http(
        'PUT',
        '/Appointment/other',
        appointment('other', {
          participant: [{ actor: { reference: 'Patient/p2' }, status: 'accepted' }],
          start: undefined,
        }),
      );
    });

    // A new case is a row.
    it.each([
      ['Appointment', ['early', 'late', 'other']],
      ['Appointment?patient=p1', ['early', 'late']],
      ['Appointment?patient=Patient/p2', ['other']],
      ['Appointment?actor=Patient/p1', ['early', 'late']],
      ['Appointment?practitioner:identifier=urn:staff|P101', ['early', 'late']],
      ['Appointment?patient:identifier=urn:staff|P101', []],
      ['Appointment?practitioner:missing=true', ['other']],
      ['Appointment?location:missing=false', []],
      ['Appointment?status=booked', ['late', 'other']],
      ['Appointment?status:not=booked', ['early']],
      ['Appointment?identifier=urn:b|B-7', ['early']],
      ['Appointment?service-type=urn:s|echo', ['early']],
      ['Appointment?_id=late,other', ['late', 'other']],
      ['Appointment?date=ge2031-02', ['late']],
      // By the hospital's calendar it is the sixth already.
      ['Appointment?date=2031-01-06', ['early']],
      ['Appointment?date:missing=true', ['other']],
      ['Appointment?_sort=-date', ['late', 'early', 'other']],
      ['Appointment?_sort=status,-date', ['late', 'other', 'early']],
      ['Appointment?_lastUpdated=gt2020&_count=2', ['early', 'late']],
    ])('%s', async (path, expected) => {
      expect(await found(path)).toEqual(expected);
    });

    it('page by page, each once, under the address of their own type', async () => {
      const seen: string[] = [];
      let url: string | undefined = `${service.base}/Appointment?_count=2`;
      while (url !== undefined) {
        const bundle: Bundle = (await (await fetch(url)).json()) as Bundle;
        expect(bundle.total).toBe(3);
        for (const { fullUrl, resource } of bundle.entry ?? []) {
          expect(fullUrl).toBe(`${service.base}/Appointment/${resource.id}`);
          seen.push(resource.id);
        }
        url = bundle.link.find(({ relation }) => relation === 'next')?.url;
      }
      expect(seen).toEqual(['early', 'late', 'other']);
    });
  });
});

describe('the other types', () => {
  const concept = (system: string, code: string): object => ({ coding: [{ system, code }] });
  beforeEach(async () => {
    await http('PUT', '/Patient/p1', {
      resourceType: 'Patient',
      id: 'p1',
      identifier: [{ system: 'urn:mrn', value: '1' }],
      name: [{ family: 'Müller', given: ['Änne', 'Lotte'] }],
      telecom: [{ system: 'phone', use: 'home', value: '0351' }],
      address: [{ line: ['Am Bach 3'], city: 'Neustadt', postalCode: '01097' }],
      gender: 'female',
      birthDate: '1962-03-14',
      active: true,
    });
    await http('PUT', '/Encounter/e1', {
      resourceType: 'Encounter',
      id: 'e1',
      status: 'finished',
      class: { system: 'urn:class', code: 'IMP' },
      subject: { reference: 'Patient/p1' },
      period: { start: '2025-10-26T02:30:00+02:00', end: '2025-10-31T11:00:00+01:00' },
    });
    await http('PUT', '/AllergyIntolerance/a1', {
      resourceType: 'AllergyIntolerance',
      id: 'a1',
      patient: { reference: 'Patient/p1' },
      clinicalStatus: concept('urn:cs', 'active'),
      category: ['food'],
      criticality: 'low',
      code: concept('urn:al', 'nut'),
      recordedDate: '2009-11-03',
    });
  });

  it.each([
    ['Patient?family=mull', ['p1']],
    ['Patient?family:exact=muller', []],
    ['Patient?name:contains=NNE', ['p1']],
    ['Patient?given=lotte&birthdate=1962-03&gender=female&active=true&deceased=false', ['p1']],
    ['Patient?phone=home|0351', ['p1']],
    ['Patient?email:missing=true', ['p1']],
    ['Patient?address=am bach&address-postalcode=01', ['p1']],
    ['Patient?identifier=urn:mrn|1', ['p1']],
    ['Encounter?patient=p1&class=IMP&status=finished', ['e1']],
    ['Encounter?date=ge2025-10-30&date=lt2025-11-01', ['e1']],
    ['Encounter?date=2024', []],
    ['AllergyIntolerance?patient=p1&clinical-status=active&category=food&criticality=low', ['a1']],
    ['AllergyIntolerance?code=urn:al|nut&date=2009', ['a1']],
  ])('%s', async (path, expected) => {
    expect(await found(path)).toEqual(expected);
  });

  it.each([
    [{ resourceType: 'Encounter', id: 'x', status: 'finished' }, '/Encounter/x'],
    [{ resourceType: 'AllergyIntolerance', id: 'x' }, '/AllergyIntolerance/x'],
  ])('are refused without what they need (%#)', async (body, path) => {
    expect((await http('PUT', path, body)).status).toBe(422);
  });
});

describe('the statement of what is done', () => {
  it('names every type with its interactions and parameters, and they work', async () => {
    const statement = (await http('GET', '/metadata')).json as {
      rest: { resource: { type: string; updateCreate: boolean; searchParam: { name: string }[] }[] }[];
    };
    const resources = statement.rest[0]?.resource ?? [];
    expect(resources.map(({ type }) => type)).toEqual([
      'AllergyIntolerance',
      'Appointment',
      'Encounter',
      'Observation',
      'Patient',
    ]);
    for (const { type, updateCreate, searchParam } of resources) {
      expect(updateCreate).toBe(true);
      for (const { name } of searchParam) {
        const { status, json } = await http('GET', `/${type}?${name}:missing=true`, undefined, {
          prefer: 'handling=strict',
        });
        expect([type, name, status, (json as Bundle).total]).toEqual([type, name, 200, 0]);
      }
    }
  });
});
