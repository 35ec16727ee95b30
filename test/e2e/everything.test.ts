import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { sendFeed } from '../../sandbox/feed/send.ts';
import { fillModern } from '../../src/cli/demo-fill.ts';
import { createLogger } from '../../src/log.ts';
import { startGuardedHospital } from '../support/guarded-hospital.ts';
import type { Claims, GuardedHospital, Said } from '../support/guarded-hospital.ts';
import { HOSP } from '../support/hospital.ts';

/*
 * The record of one patient out of everything that stands behind Ficus: the patient index (HL7v2), the clinical service (SOAP), what the feed has told, and a modern service.
 */

const DOCTOR: Claims = {
  scope: 'user/*.rs',
  sub: 'dr-one',
  jti: 'doctor-1',
  fhirUser: 'Practitioner/17',
  purpose_of_use: ['TREAT'],
};
const OFFICER: Claims = {
  scope: 'user/AuditEvent.rs',
  sub: 'officer',
  jti: 'o-1',
  roles: ['privacy-officer'],
};

interface Entry {
  readonly resource: {
    readonly resourceType: string;
    readonly id: string;
    readonly issue?: readonly Issue[];
  };
  readonly search: { readonly mode: string };
}
interface Issue {
  readonly severity: string;
  readonly code: string;
  readonly diagnostics: string;
}

let hospital: GuardedHospital;
let haller: string;
let other: string;

const patientOf = async (number: string): Promise<string> =>
  (await hospital.ask(`/Patient?identifier=${encodeURIComponent(`${HOSP}|${number}`)}`, DOCTOR)).body.entry[0]
    .resource.id as string;
const entriesOf = ({ body }: Said, mode: string): string[] =>
  ((body.entry ?? []) as Entry[])
    .filter(({ search }) => search.mode === mode)
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`);
const issuesOf = ({ body }: Said): readonly Issue[] =>
  ((body.entry ?? []) as Entry[]).find(({ search }) => search.mode === 'outcome')?.resource.issue ?? [];
const nextOf = ({ body }: Said): string | undefined =>
  (body.link as { relation: string; url: string }[]).find(({ relation }) => relation === 'next')?.url;

async function pagesOf(path: string, claims: Claims): Promise<Said[]> {
  const pages: Said[] = [];
  for (let next: string | undefined = path; next !== undefined && pages.length < 40;) {
    const page: Said = await hospital.ask(next, claims);
    expect({ status: page.status, text: page.text }).toMatchObject({ status: 200 });
    pages.push(page);
    next = nextOf(page);
  }
  return pages;
}

const record = (id: string, query = '', claims = DOCTOR): Promise<Said> =>
  hospital.ask(`/Patient/${id}/$everything${query}`, claims);

/** The stay of somebody, as the core would tell it of Johanna Haller. */
async function tellOfHaller(port: number): Promise<void> {
  const day = createDay({ patients: 12, seed: 1, start: Date.UTC(2026, 10, 2) });
  const { patient } = day.find(({ structure }) => structure === 'ORU_R01')!;
  const stay = day.filter((event) => event.patient === patient);
  const messages = feedOf(stay, {}, 1).map(({ bytes }) => ({
    bytes: Buffer.from(bytes.toString('utf8').replaceAll(patient, '100001')),
    lane: patient,
  }));
  const { answers } = await sendFeed(messages, { host: '127.0.0.1', port, connections: 1 });
  expect(answers).toEqual({ AA: messages.length });
}

beforeAll(async () => {
  hospital = await startGuardedHospital();
  haller = await patientOf('100001');
  other = await patientOf('100002');
  await tellOfHaller(Object.values(hospital.ficus.feedPorts)[0]!);
  const told = async () =>
    entriesOf(await hospital.ask(`/DiagnosticReport?patient=${haller}`, DOCTOR), 'match');
  await vi.waitFor(async () => expect(await told()).not.toHaveLength(0), { timeout: 60_000, interval: 100 });
});
afterAll(() => hospital?.close());

describe('the record of a patient', () => {
  it('is what a search for each type gives, out of three systems, the Patient first', async () => {
    const whole = await record(haller);
    expect(whole.status).toBe(200);
    expect(whole.headers.get('x-served-by')).toBe('legacy:clinical, legacy:core, projection');
    expect(whole.body).not.toHaveProperty('total');
    const types = ['AllergyIntolerance', 'Appointment', 'Condition', 'Coverage', 'DiagnosticReport', 'DocumentReference', 'Encounter', 'Immunization', 'MedicationRequest', 'Observation', 'Procedure', 'RelatedPerson', 'Specimen']; // prettier-ignore
    const searched: string[] = [];
    for (const type of types) {
      const pages = await pagesOf(`/${type}?patient=${haller}&_count=100`, DOCTOR);
      searched.push(...pages.flatMap((page) => entriesOf(page, 'match')));
    }
    expect(entriesOf(whole, 'match')).toEqual([`Patient/${haller}`, ...searched]);
    expect(new Set(searched.map((name) => name.split('/')[0])).size).toBeGreaterThan(4);
    expect(entriesOf(whole, 'include').map((name) => name.split('/')[0])).toContain('Practitioner');
    expect(issuesOf(whole).map(({ diagnostics }) => diagnostics)).toEqual(
      expect.arrayContaining([expect.stringContaining('not in this answer: ServiceRequest')]),
    );
  });

  it('comes in pages that lose nothing and repeat nothing, whoever answers', async () => {
    const whole = entriesOf(await record(haller), 'match');
    const pages = await pagesOf(`/Patient/${haller}/$everything?_count=4`, DOCTOR);
    expect(pages.length).toBeGreaterThan(3);
    expect(pages.flatMap((page) => entriesOf(page, 'match'))).toEqual(whole);
    // The link is the caller's own.
    const stolen = await hospital.ask(nextOf(pages[0]!)!, { ...DOCTOR, sub: 'dr-two', jti: 'doctor-2' });
    expect(stolen.status).toBe(400);
  });

  it('is the same when an endpoint has moved to a modern service', async () => {
    const before = entriesOf(await record(haller, '?_type=Observation'), 'match');
    const legacy = hospital.ficus.backends.get('clinical')!;
    const { modern: modernBase } = hospital.sandbox.addresses;
    await fillModern({ legacy, modernBase, patientIds: [haller], log: createLogger({ level: 'silent' }) });
    const move = (stage: string) =>
      hospital.admin(
        '/routes/Observation.search',
        { sub: 'lead', roles: ['migration-lead'] },
        { method: 'PUT', body: JSON.stringify({ stage, by: 'lead', reason: 'to see it move' }) },
      );
    expect((await move('modern')).status).toBe(200);
    const after = await record(haller, '?_type=Observation');
    expect(after.headers.get('x-served-by')).toContain('modern:observations');
    expect(entriesOf(after, 'match').toSorted()).toEqual(before.toSorted());
    const pages = await pagesOf(`/Patient/${haller}/$everything?_type=Observation&_count=5`, DOCTOR);
    expect(pages.length).toBeGreaterThan(2);
    expect(pages.flatMap((page) => entriesOf(page, 'match')).toSorted()).toEqual(before.toSorted());
    expect((await move('legacy')).status).toBe(200);
  });

  it('is in /metadata, with what it searches here', async () => {
    const { body } = await hospital.ask('/metadata', DOCTOR);
    const { operation } = body.rest[0].resource.find(({ type }: { type: string }) => type === 'Patient');
    expect(operation).toMatchObject([
      {
        name: 'everything',
        definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything',
        documentation: expect.stringMatching(
          /Searches: Patient, AllergyIntolerance, Appointment, .*Specimen\./,
        ),
      },
    ]);
  });

  it('is one event of the audit, about one patient, with what was asked for', async () => {
    const path = `/Patient/${haller}/$everything?_count=3&_type=Observation`;
    await hospital.ask(path, DOCTOR, { headers: { 'x-request-id': 'everything-1' } });
    const found = await hospital.ask('/AuditEvent?entity:identifier=everything-1', OFFICER);
    const [event, ...others] = ((found.body.entry ?? []) as Entry[])
      .filter(({ search }) => search.mode === 'match')
      .map(({ resource }) => resource as unknown as Record<string, unknown>)
      // How the token is used may be worth an alert of its own.
      .filter(({ type }) => (type as { code: string }).code === 'rest');
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      type: { code: 'rest' },
      subtype: [
        { system: 'http://hl7.org/fhir/restful-interaction', code: 'operation' },
        { code: 'everything' },
      ],
      action: 'E',
      outcome: '0',
    });
    expect(JSON.stringify(event!['entity'])).toContain(`"Patient/${haller}"`);
    const query = (event!['entity'] as { query?: string }[]).find((entity) => entity.query)!.query!;
    expect(decodeURIComponent(Buffer.from(query, 'base64').toString())).toBe(
      `Patient/${haller}/$everything?_count=3&_type=Observation`,
    );
  });
});

describe('a token of one patient', () => {
  const own = (scope: string): Claims => ({ sub: 'haller', jti: `own ${scope}`, scope, patient: haller, fhirUser: `Patient/${haller}` }); // prettier-ignore

  it('gets the own record, by the id or without it, and no other', async () => {
    const claims = own('patient/*.rs');
    const whole = await record(haller, '', claims);
    expect(whole.status).toBe(200);
    expect(entriesOf(whole, 'match')[0]).toBe(`Patient/${haller}`);
    const unnamed = await hospital.ask('/Patient/$everything', claims);
    expect(entriesOf(unnamed, 'match')).toEqual(entriesOf(whole, 'match'));
    const [there, nothing] = [await record(other, '', claims), await record('nobody', '', claims)];
    expect([there.status, nothing.status]).toEqual([403, 403]);
    expect(there.body).toEqual(nothing.body);
    // Who has no one patient has to name one.
    expect((await hospital.ask('/Patient/$everything', DOCTOR)).status).toBe(400);
  });

  it('gets the types of its scopes, and is told of the others', async () => {
    const some = await record(haller, '', own('patient/Patient.r patient/Observation.rs'));
    expect(some.status).toBe(200);
    const types = new Set(entriesOf(some, 'match').map((name) => name.split('/')[0]));
    expect(types).toEqual(new Set(['Patient', 'Observation']));
    const forbidden = issuesOf(some).filter(({ code }) => code === 'forbidden');
    expect(forbidden.map(({ diagnostics }) => /see (\w+)/.exec(diagnostics)?.[1])).toContain(
      'AllergyIntolerance',
    );
    expect((await record(haller, '', own('patient/Observation.rs'))).status).toBe(403);
  });
});

describe('a record that cannot be had whole', () => {
  it('of nobody is 404', async () => {
    expect((await record('nobody')).status).toBe(404);
  });

  it('says which types are missing, and is not given without the allergies', async () => {
    await hospital.dial({ protocol: 'soap', fault: 'down' });
    try {
      const whole = await record(haller);
      expect({ status: whole.status, code: whole.body.issue[0].code }).toEqual({
        status: 503,
        code: 'incomplete',
      });
      const part = await record(haller, '?_type=Patient,Observation,DiagnosticReport');
      expect(part.status).toBe(200);
      const types = new Set(entriesOf(part, 'match').map((name) => name.split('/')[0]));
      expect(types).toEqual(new Set(['Patient', 'DiagnosticReport']));
      expect(issuesOf(part)).toContainEqual(
        expect.objectContaining({ code: 'incomplete', diagnostics: expect.stringContaining('Observation') }),
      );
    } finally {
      await hospital.clearDials();
    }
  });
});
