import { beforeEach, describe, expect, it } from 'vitest';
import { FicusError } from '../../src/errors.ts';
import type { Issue } from '../../src/errors.ts';
import type { JsonObject, Resource } from '../../src/fhir/types.ts';
import { validateResource } from '../../src/fhir/validate.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { contextOf, createTold, ofPatient, openSandbox, openSource, received, withIds } from './soap-core.ts';

let sandbox: Sandbox;
let source: ReturnType<typeof openSource>;
beforeEach(async () => {
  sandbox = await openSandbox();
  source = openSource(sandbox, createTold());
  return async () => {
    await source.close();
    await sandbox.close();
  };
});

const PROVIDERS = 'http://hospix.example/providers';

/** An appointment of a provider in February 2027. */
function appointment(changes: JsonObject = {}): Resource {
  return {
    resourceType: 'Appointment',
    status: 'booked',
    start: '2027-02-01T09:00:00+01:00',
    end: '2027-02-01T09:30:00+01:00',
    participant: [
      { actor: { reference: 'Patient/HOSP|100010' }, status: 'accepted' },
      {
        actor: { type: 'Practitioner', identifier: { system: PROVIDERS, value: 'P101' } },
        status: 'accepted',
      },
    ],
    ...changes,
  };
}

const create = (resource: Resource) => source.create('Appointment', resource, contextOf());
const update = (resource: Resource) => source.update('Appointment', resource.id ?? '', resource, contextOf());
const read = (key: string) => source.read('Appointment', key, contextOf());

/** The error of something that must fail. */
async function failure(work: Promise<unknown>): Promise<FicusError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof FicusError) return error;
  throw new Error('it did not fail with a FicusError', { cause: error });
}

describe('booking', () => {
  it('gives the appointment as the core holds it, with a number of ours to ask by', async () => {
    const booked = await create(
      appointment({ comment: 'Bitte|pünktlich\r\n<sehr> & "früh"', minutesDuration: 30 }),
    );
    expect(validateResource(withIds(booked))).toEqual([]);
    expect(booked).toMatchObject({
      id: 'APPT|A60001',
      status: 'booked',
      start: '2027-02-01T09:00:00+01:00',
      end: '2027-02-01T09:30:00+01:00',
      comment: 'Bitte|pünktlich\r\n<sehr> & "früh"',
    });
    expect(booked['identifier']).toMatchObject([{ value: 'A60001' }, { system: 'urn:oid:2.999.1.99' }]);
    expect(await read('APPT|A60001')).toEqual(booked);
  });

  it('takes times in any offset, a waiting list without a time, and an identifier of the caller', async () => {
    const utc = await create(appointment({ start: '2027-07-01T07:00:00Z', end: '2027-07-01T07:20:00Z' }));
    expect(utc).toMatchObject({ start: '2027-07-01T09:00:00+02:00', end: '2027-07-01T09:20:00+02:00' });
    const identifier = [{ system: 'https://portal.example/bookings', value: '77|a' }];
    const { start: _start, end: _end, ...waiting } = appointment({ status: 'waitlist', identifier });
    expect(await create(waiting as Resource)).toMatchObject({
      status: 'waitlist',
      identifier: [{}, { system: 'https://portal.example/bookings', value: '77|a' }],
    });
  });

  it('refuses the same slot twice, and the same number twice', async () => {
    const identifier = [{ system: 'https://portal.example/bookings', value: '1' }];
    await create(appointment({ identifier }));
    expect(await failure(create(appointment()))).toMatchObject({ code: 'conflict', status: 409 });
    const later = { start: '2027-02-02T09:00:00+01:00', end: '2027-02-02T09:30:00+01:00' };
    expect(await failure(create(appointment({ identifier, ...later })))).toMatchObject({
      code: 'duplicate',
      status: 409,
    });
  });

  it.each([
    ['value-required', { start: undefined, end: undefined }],
    ['value-invalid', { status: 'arrived' }],
    ['value-invalid', { end: '2027-02-03T09:00:00+01:00' }],
    [
      'code-invalid',
      { appointmentType: { coding: [{ system: 'http://hospix.example/codes', code: 'NOPE' }] } },
    ],
    ['unprocessable', { participant: [{ actor: { reference: 'Patient/HOSP|NOBODY' }, status: 'accepted' }] }],
  ])('is refused by the core as %s for %j', async (code, changes) => {
    expect(await failure(create(appointment(changes as JsonObject)))).toMatchObject({ code, status: 422 });
  });

  it.each<[string, JsonObject]>([
    ['Appointment.description', { description: 'a check-up' }],
    ['Appointment.status', { status: 'proposed' }],
    [
      'Appointment.participant[0].status',
      { participant: [{ actor: { reference: 'Patient/HOSP|100010' }, status: 'declined' }] },
    ],
    [
      'Appointment.participant[2]',
      {
        participant: [
          ...(appointment()['participant'] as JsonObject[]),
          { actor: { display: 'Dr. Who' }, status: 'accepted' },
        ],
      },
    ],
    ['Appointment.end', { end: '2027-02-01T09:30:30+01:00' }],
    ['Appointment.identifier[1]', { identifier: [{ value: '1' }, { value: '2' }] }],
    ['Appointment.reasonCode[1]', { reasonCode: [{ text: 'a' }, { text: 'b' }] }],
    ['Appointment.appointmentType.coding[0].system', { appointmentType: { coding: [{ code: 'FU' }] } }],
    [
      'Appointment.appointmentType.coding[0].system',
      { appointmentType: { coding: [{ system: 'http://elsewhere.example', code: 'FU' }] } },
    ],
    [
      'Appointment.participant',
      { participant: [{ actor: { reference: 'Patient/ELSEWHERE|1' }, status: 'accepted' }] },
    ],
    ['Appointment.cancelationReason', { status: 'cancelled', cancelationReason: { text: 'rain' } }],
  ])('names %s, which the core cannot hold, and sends nothing', async (expression, changes) => {
    const error = await failure(create(appointment(changes)));
    expect(error).toMatchObject({ code: 'unmappable', status: 422 });
    expect(error.issues.flatMap((issue) => issue.expression)).toContain(expression);
    expect(await received(sandbox)).toEqual([]);
  });

  it('leaves a narrative and a date of its own making to the core', async () => {
    const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">booked</div>' };
    const booked = await create(appointment({ text, created: '2020-01-01' }));
    expect(booked['text']).toBeUndefined();
    expect(booked['created']).not.toBe('2020-01-01');
  });
});

describe('changing', () => {
  it('sends what changed with the row version that was read', async () => {
    const before = await read('APPT|A50001');
    const { patientInstruction: _gone, ...rest } = before;
    const after = await update({
      ...rest,
      comment: 'anders',
      end: '2026-12-03T10:15:00+01:00',
      minutesDuration: 45,
    });
    expect(after).toEqual({
      ...rest,
      comment: 'anders',
      end: '2026-12-03T10:15:00+01:00',
      minutesDuration: 45,
      meta: after['meta'],
    });
    expect(await received(sandbox)).toEqual([
      'GetAppointment accepted',
      'GetAppointment accepted',
      'UpdateAppointment accepted',
    ]);
  });

  it('asks nothing of the core when nothing changes, whoever leaves out what only the core says', async () => {
    for (const key of ['A50001', 'A50003', 'A50006', 'A50010', 'A50018', 'A50019', 'A50021']) {
      const before = await read(`APPT|${key}`);
      const { identifier: _identifier, created: _created, meta: _meta, ...slim } = before;
      const participant = (before['participant'] as JsonObject[]).map(({ actor, ...others }) => {
        const { display: _display, ...named } = actor as JsonObject;
        return {
          ...others,
          actor: named['reference'] === undefined ? named : { reference: named['reference'] },
        };
      });
      expect(await update(before)).toEqual(before);
      expect(await update({ ...slim, participant })).toEqual(before);
    }
    expect((await received(sandbox)).every((call) => call === 'GetAppointment accepted')).toBe(true);
  });

  it('keeps the names of the staff that stay', async () => {
    const before = await read('APPT|A50005');
    const [patient, , second] = before['participant'] as JsonObject[];
    const { display: _display, ...named } = second!['actor'] as JsonObject;
    const added = {
      actor: { type: 'Practitioner', identifier: { system: PROVIDERS, value: 'P106' } },
      status: 'accepted',
    };
    const after = await update({ ...before, participant: [patient!, { ...second!, actor: named }, added] });
    expect(after['participant']).toMatchObject([
      { actor: { reference: 'Patient/HOSP|100002' } },
      { actor: { identifier: { value: 'P103' }, display: 'Deniz Çetin' } },
      { actor: { identifier: { value: 'P106' } } },
    ]);
  });

  it('names what the core cannot change', async () => {
    const before = await read('APPT|A50021');
    const other = { actor: { reference: 'Patient/HOSP|100001' }, status: 'accepted' };
    const [, ...staff] = before['participant'] as JsonObject[];
    const error = await failure(
      update({ ...before, participant: [other, ...staff], identifier: [{ value: 'OTHER' }] }),
    );
    expect(error.code).toBe('unmappable');
    expect(error.issues.flatMap((issue) => issue.expression)).toEqual(
      expect.arrayContaining(['Appointment.participant', 'Appointment.identifier']),
    );
  });

  it('says that an appointment is not there', async () => {
    expect(await failure(update({ ...appointment(), id: 'APPT|NONE' }))).toMatchObject({ code: 'not-found' });
    expect(await failure(update({ ...appointment(), id: 'HOSP|100001' }))).toMatchObject({
      code: 'not-found',
    });
  });
});

describe('cancelling', () => {
  const cancelationReason = { coding: [{ system: 'http://hospix.example/codes', code: 'PATREQ' }] };

  it('is an operation of its own, with a reason', async () => {
    const before = await read('APPT|A50001');
    const cancelled = await update({ ...before, status: 'cancelled', cancelationReason });
    expect(cancelled).toMatchObject({ status: 'cancelled', cancelationReason });
    expect(validateResource(withIds(cancelled))).toEqual([]);
    expect((await received(sandbox)).at(-1)).toBe('CancelAppointment accepted');
    const { resources } = await source.search(
      'Appointment',
      [ofPatient('HOSP|100001')],
      { count: 50 },
      contextOf(),
    );
    expect(resources.find(({ id }) => id === before.id)).toEqual(cancelled);
  });

  it('goes alone: other changes are named and nothing is sent', async () => {
    const before = await read('APPT|A50001');
    const error = await failure(update({ ...before, status: 'cancelled', comment: 'anders' }));
    expect(error.issues.flatMap((issue) => issue.expression)).toEqual(['Appointment.comment']);
    expect(await read('APPT|A50001')).toEqual(before);
  });

  it('is done once: again is no change, and back is refused by the core', async () => {
    const before = await read('APPT|A50001');
    const cancelled = await update({ ...before, status: 'cancelled' });
    expect(await update(cancelled)).toEqual(cancelled);
    expect(await failure(update(before))).toMatchObject({ code: 'conflict' });
  });
});

describe('a write in doubt', () => {
  const attempt = { writeId: 'w-1', doubtful: 'ask-then-send' } as const;
  const onlyAsk = { ...attempt, doubtful: 'ask-only' } as const;

  it('is booked when it is not there, under the number of the earlier attempt, and found when it is', async () => {
    const book = () => source.create('Appointment', appointment(), contextOf(), undefined, attempt);
    const booked = await book();
    expect(await book()).toEqual(booked);
    expect((await received(sandbox)).filter((call) => call.startsWith('BookAppointment'))).toEqual([
      'BookAppointment accepted',
    ]);
  });

  it('is only asked after where it must not be sent', async () => {
    const book = (doubt: typeof attempt | typeof onlyAsk) =>
      source.create('Appointment', appointment(), contextOf(), undefined, doubt);
    expect(await failure(book(onlyAsk))).toMatchObject({ code: 'not-found' });
    expect((await received(sandbox)).filter((call) => call.startsWith('BookAppointment'))).toEqual([]);
    const booked = await book(attempt);
    expect(await book(onlyAsk)).toEqual(booked);
  });

  it('changes what is not so yet, and is done when it is', async () => {
    const before = await read('APPT|A50001');
    const change = (comment: string, doubt: typeof attempt | typeof onlyAsk) =>
      source.update('Appointment', 'APPT|A50001', { ...before, comment }, contextOf(), undefined, doubt);
    expect(await failure(change('anders', onlyAsk))).toMatchObject({ code: 'outcome-unknown' });
    expect(await read('APPT|A50001')).toEqual(before);
    const changed = await change('anders', attempt);
    expect(changed['comment']).toBe('anders');
    expect(await change('anders', attempt)).toEqual(changed);
    expect(await change('anders', onlyAsk)).toEqual(changed);
    expect((await received(sandbox)).filter((call) => call.startsWith('UpdateAppointment'))).toEqual([
      'UpdateAppointment accepted',
    ]);
  });
});

describe('with what the core cannot hold left out', () => {
  const expressions = (told: readonly Issue[]) => told.flatMap(({ expression }) => expression);

  it('books and changes the rest, and tells what', async () => {
    let told: readonly Issue[] = [];
    const leftOut = (issues: readonly Issue[]): void => void (told = issues);
    const asked = appointment({ description: 'a check-up', comment: 'bitte' });
    const booked = await source.create('Appointment', asked, contextOf(), leftOut);
    expect(booked).toMatchObject({ status: 'booked', comment: 'bitte' });
    expect(booked['description']).toBeUndefined();
    expect(told).toMatchObject([{ severity: 'warning', code: 'not-supported' }]);
    expect(expressions(told)).toEqual(['Appointment.description']);

    told = [];
    const changes = { ...booked, comment: 'anders', description: 'a check-up' };
    const changed = await source.update('Appointment', booked.id!, changes, contextOf(), leftOut);
    expect(changed['comment']).toBe('anders');
    expect(expressions(told)).toEqual(['Appointment.description']);
  });

  it('still refuses a code that would become one of the core’s own', async () => {
    const asked = appointment({ appointmentType: { coding: [{ code: 'FU' }] } });
    const booking = source.create('Appointment', asked, contextOf(), () => {});
    expect(await failure(booking)).toMatchObject({ code: 'unmappable' });
    expect(await received(sandbox)).toEqual([]);
  });
});
