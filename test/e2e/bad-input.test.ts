import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/** Whatever is wrong with a request is said in an OperationOutcome, and nothing of it reaches the core. */
let hospital: Hospital;
let patient: string;

beforeAll(async () => {
  hospital = await startHospital();
  patient = await hospital.patientId('100001');
});
afterAll(() => hospital.close());

const FHIR = { 'content-type': 'application/fhir+json' };

interface Answer {
  readonly resourceType: string;
  readonly id?: string;
  readonly issue?: readonly {
    readonly code: string;
    readonly expression?: readonly string[];
    readonly diagnostics?: string;
  }[];
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly { readonly search: { readonly mode: string }; readonly resource: Answer }[];
}

async function ask(path: string, init?: RequestInit) {
  const response = await fetch(`${hospital.base}/${path}`, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer };
}

const writes = async () => {
  const { received } = await hospital.control<{ received: { operation: string }[] }>('/received?limit=1000');
  return received.filter(({ operation }) => /^ADT|^OML|Book|Update|Cancel/.test(operation)).length;
};

const post = (
  path: string,
  body: string | object,
  headers: Record<string, string> = FHIR,
): [string, RequestInit] => [
  path,
  { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) },
];

const newPatient = {
  resourceType: 'Patient',
  name: [{ family: 'Neu', given: ['Nina'] }],
  gender: 'female',
  birthDate: '1990-02-03',
};

interface Refused {
  readonly what: string;
  readonly request: () => [string, RequestInit?];
  readonly status: number;
  readonly code: string;
  readonly expression?: string | undefined;
}

const REFUSED: readonly Refused[] = (
  [
    [
      'an unknown parameter under strict handling',
      () => [`Observation?patient=${patient}&foo=bar`, { headers: { prefer: 'handling=strict' } }],
      400,
      'not-supported',
      'foo',
    ],
    ['a malformed date', () => ['Patient?birthdate=soon'], 400, 'value', 'birthdate'],
    ['a date that does not exist', () => ['Patient?birthdate=2023-02-30'], 400, 'value', 'birthdate'],
    ['a modifier that is not supported', () => ['Patient?family:text=x'], 400, 'not-supported'],
    ['a search without bounds', () => ['Observation?status=final'], 400, 'too-costly'],
    ['a forged page token', () => [`Patient?family=haller&_page=aAAAA`], 400, 'value'],
    ['a body that is not JSON', () => post('Patient', '{"resourceType":'), 400, 'structure'],
    [
      'a body that is not FHIR',
      () => post('Patient', { resourceType: 'Patient', nmae: [] }),
      400,
      'structure',
      'Patient.nmae',
    ],
    ['a body of another type', () => post('Patient', { resourceType: 'Observation' }), 400, 'invalid'],
    [
      'a wrong code',
      () => post('Patient', { ...newPatient, gender: 'w' }),
      400,
      'code-invalid',
      'Patient.gender',
    ],
    [
      'an element the core has no place for',
      () => post('Patient', { ...newPatient, photo: [{ title: 'x' }] }),
      422,
      'not-supported',
      'Patient.photo',
    ],
    [
      'a body of 20 MB',
      () => post('Patient', `{"resourceType":"Patient","x":"${'x'.repeat(20 * 1024 * 1024)}"}`),
      413,
      'too-long',
    ],
    [
      'XML',
      () =>
        post('Patient', '<Patient xmlns="http://hl7.org/fhir"/>', { 'content-type': 'application/fhir+xml' }),
      415,
      'not-supported',
    ],
    ['a wish for XML', () => [`Patient/${patient}?_format=xml`], 406, 'not-supported'],
    ['a resource type outside of the contract', () => ['Goat/1'], 404, 'not-supported'],
    ['a resource type of FHIR that is not promised', () => ['Medication/1'], 404, 'not-supported'],
    ['an id that is not ours', () => ['Patient/100001'], 404, 'not-found'],
    ['an id of another type', () => [`Observation/${patient}`], 404, 'not-found'],
    [
      'a method that is not promised',
      () => [`Patient/${patient}`, { method: 'DELETE' }],
      405,
      'not-supported',
    ],
    [
      'a reference to a patient who is not there',
      () =>
        post('Appointment', {
          resourceType: 'Appointment',
          status: 'booked',
          start: '2031-01-01T10:00:00Z',
          end: '2031-01-01T10:15:00Z',
          participant: [{ actor: { reference: 'Patient/nobody' }, status: 'accepted' }],
        }),
      422,
      'value',
    ],
    [
      'a reference of a body for the modern service to a patient who is not there',
      () =>
        post('Observation', {
          resourceType: 'Observation',
          status: 'final',
          code: { text: 'x' },
          subject: { reference: 'Patient/nobody' },
        }),
      422,
      'value',
      'Observation.subject.reference',
    ],
    [
      'a transaction that one exchange cannot carry',
      () =>
        post('', {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [
            { request: { method: 'GET', url: 'Patient/a' } },
            { request: { method: 'GET', url: 'Patient/b' } },
          ],
        }),
      501,
      'not-supported',
    ],
  ] as const satisfies readonly (readonly [string, () => [string, RequestInit?], number, string, string?])[]
).map(([what, request, status, code, expression]) => ({ what, request, status, code, expression }));

describe('a request with', () => {
  it.each(REFUSED)('$what is refused', async ({ request, status, code, expression }) => {
    const before = await writes();
    const [path, init] = request();
    const answer = await ask(path, init);
    expect({
      status: answer.status,
      type: answer.body.resourceType,
      code: answer.body.issue?.[0]?.code,
    }).toEqual({
      status,
      type: 'OperationOutcome',
      code,
    });
    if (expression !== undefined) expect(answer.body.issue?.[0]?.expression).toContain(expression);
    if (status === 405) expect(answer.headers.get('allow')).toContain('GET');
    expect(answer.headers.get('x-request-id')).toBeTruthy();
    expect(await writes()).toBe(before);
  });

  it('an unknown parameter is answered without it, and says so', async () => {
    const { status, body } = await ask(`Observation?patient=${patient}&foo=bar&_count=3`);
    expect(status).toBe(200);
    const self = body.link?.find(({ relation }) => relation === 'self')?.url ?? '';
    expect([...new URL(self).searchParams.keys()].toSorted()).toEqual(['_count', 'patient']);
    const outcome = body.entry?.find(({ search }) => search.mode === 'outcome')?.resource;
    expect(outcome?.issue?.[0]?.expression).toContain('foo');
  });
});

describe('a name that holds HL7v2 delimiters and a carriage return', () => {
  it('stays one field: no segment, no component, no repetition is made of it', async () => {
    const family = 'O|Neil^X&Y~Z\\F\\\rOBX|1|ST|X||evil';
    const created = await ask(...post('Patient', { ...newPatient, name: [{ family, given: ['A\rPID|9'] }] }));
    expect(created.status).toBe(201);
    const { body } = await ask(`Patient/${created.body.id}`);
    const [name] = (body as unknown as { name: { family: string; given: string[] }[] }).name;
    expect(name).toMatchObject({ family, given: ['A\rPID|9'] });
  });
});

describe('a batch', () => {
  it('answers each entry on its own', async () => {
    const { status, body } = await ask(
      ...post('', {
        resourceType: 'Bundle',
        type: 'batch',
        entry: [
          { request: { method: 'GET', url: `Patient/${patient}` } },
          { request: { method: 'GET', url: 'Patient/nobody' } },
          { request: { method: 'GET', url: `AllergyIntolerance?patient=${patient}` } },
          { request: { method: 'DELETE', url: `Patient/${patient}` } },
        ],
      }),
    );
    expect(status).toBe(200);
    const entries = body.entry as unknown as { response: { status: string }; resource?: Answer }[];
    expect(entries.map(({ response }) => response.status.slice(0, 3))).toEqual(['200', '404', '200', '405']);
    expect(entries[0]?.resource).toMatchObject({ resourceType: 'Patient', id: patient });
  });
});
