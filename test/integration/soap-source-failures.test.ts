import { beforeEach, describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/types.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { contextOf, createTold, dial, ofPatient, openSandbox, openSource, received } from './soap-core.ts';
import type { Told } from './soap-core.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await openSandbox();
  return () => sandbox.close();
});

/** Enough for an answer, little enough to wait for none. */
const SHORT_MS = 1_500;

const appointment = (): Resource => ({
  resourceType: 'Appointment',
  status: 'booked',
  start: '2027-02-01T09:00:00+01:00',
  end: '2027-02-01T09:30:00+01:00',
  participant: [{ actor: { reference: 'Patient/HOSP|100010' }, status: 'accepted' }],
});

describe.each(['1.1', '1.2'] as const)('over SOAP %s', (soapVersion) => {
  let told: Told;
  let source: ReturnType<typeof openSource>;
  beforeEach(() => {
    told = createTold();
    source = openSource(sandbox, told, { soapVersion, maxAnswerBytes: 1024 * 1024 });
    return () => source.close();
  });
  const read = (ms = 5_000) => source.read('Observation', 'OBS|R90001', contextOf(told, ms));
  const create = (ms = 5_000) => source.create('Appointment', appointment(), contextOf(told, ms));
  const booked = async (): Promise<number> => {
    const { resources } = await source.search(
      'Appointment',
      [ofPatient('HOSP|100010')],
      { count: 100 },
      contextOf(),
    );
    return resources.filter(({ start }) => start === '2027-02-01T09:00:00+01:00').length;
  };

  it.each([
    ['fault', { side: 'receiver', code: 'INTERNAL' }, 'legacy-exception', 502],
    ['fault', { side: 'receiver', code: 'INTERNAL', retry: true }, 'unavailable', 503],
    ['fault', { side: 'receiver', code: 'BUSY' }, 'unavailable', 503],
    ['fault', { side: 'sender', code: 'SCHEMA' }, 'legacy-rejected', 502],
    ['fault', { side: 'sender', code: 'SECURITY' }, 'legacy-rejected', 502],
    ['fault', { side: 'sender', code: 'UNSUPPORTED' }, 'not-implemented', 501],
    ['fault', { side: 'sender', code: 'NEVER_HEARD_OF' }, 'legacy-rejected', 502],
    ['fault', { side: 'receiver', code: 'NEVER_HEARD_OF' }, 'legacy-exception', 502],
    ['garbage', {}, 'legacy-malformed', 502],
    ['bomb', {}, 'legacy-malformed', 502],
    ['oversized', { bytes: 4 * 1024 * 1024 }, 'legacy-malformed', 502],
    ['kill-mid-write', {}, 'unavailable', 503],
    ['status', { status: 503, retryAfter: 7 }, 'unavailable', 503],
    ['status', { status: 500, html: true }, 'legacy-exception', 502],
    ['down', {}, 'unavailable', 503],
    ['hang', {}, 'timeout', 504],
    ['lost', {}, 'timeout', 504],
  ])('a read under %s %j is %s', async (fault, settings, code, status) => {
    await dial(sandbox, fault, settings);
    const secret = 'a text that may hold patient data';
    if (fault === 'fault') await dial(sandbox, fault, { ...settings, text: secret });
    const error: unknown = await read(SHORT_MS).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, status });
    expect(JSON.stringify([(error as Error).message, told.lines])).not.toContain(secret);
    expect(told.exchanges.at(-1)).toEqual({ kind: 'GetObservation', outcome: code });
  });

  it('is turned away with another password', async () => {
    const stranger = openSource(sandbox, told, {
      soapVersion,
      security: { username: 'ficus', password: 'wrong' },
    });
    await expect(stranger.read('Observation', 'OBS|R90001', contextOf())).rejects.toMatchObject({
      code: 'legacy-rejected',
    });
    await stranger.close();
  });

  it('waits for what is slow', async () => {
    await dial(sandbox, 'slow', { delayMs: 200 });
    expect(await read()).toMatchObject({ id: 'OBS|R90001' });
  });

  it('says of a partial success what is missing, and never a total', async () => {
    const all = await source.search('Observation', [ofPatient('HOSP|100001')], { count: 100 }, contextOf());
    await dial(sandbox, 'partial', { source: 'ARCHIVE' });
    const part = await source.search('Observation', [ofPatient('HOSP|100001')], { count: 100 }, contextOf());
    expect(part.resources.length).toBeLessThan(all.resources.length);
    expect(part.issues).toMatchObject([
      { severity: 'warning', code: 'incomplete', diagnostics: expect.stringContaining('ARCHIVE') as string },
    ]);
  });

  it('tags a record of which parts are missing, and does not change it', async () => {
    await dial(sandbox, 'partial');
    const key = 'APPT|A50001';
    const record = await source.read('Appointment', key, contextOf());
    expect(record['meta']).toMatchObject({ tag: [{ code: 'SUBSETTED' }] });
    await expect(
      source.update('Appointment', key, { ...record, comment: 'x' }, contextOf()),
    ).rejects.toMatchObject({ code: 'incomplete' });
    expect(await received(sandbox)).not.toContain('UpdateAppointment accepted');
  });

  describe('a booking is made once and its outcome known', () => {
    it.each([
      ['kill-mid-write', { applied: true }],
      ['kill-mid-write', { applied: false }],
      ['garbage', { applied: true }],
      ['garbage', { applied: false }],
      ['lost', { applied: true }],
      ['lost', { applied: false }],
      ['oversized', { bytes: 4 * 1024 * 1024 }],
      ['bomb', {}],
      ['late', { delayMs: 10_000 }],
      ['status', { status: 502, html: true }],
      ['status', { status: 500, html: true }],
    ])('under %s %j', async (fault, settings) => {
      await dial(sandbox, fault, { ...settings, operation: 'BookAppointment', count: 1 });
      expect(await create(5_000)).toMatchObject({ resourceType: 'Appointment', status: 'booked' });
      expect(await booked()).toBe(1);
      const sent = told.lines.filter(({ fields }) => fields['action'] === 'BookAppointment');
      const asked = told.lines.filter(({ fields }) => fields['action'] === 'FindAppointments');
      expect(asked.length).toBeGreaterThan(0);
      expect(sent.length).toBeLessThanOrEqual(2);
    });

    it.each([
      ['fault', { code: 'BUSY' }, 'unavailable'],
      ['fault', { code: 'INTERNAL' }, 'legacy-exception'],
      ['status', { status: 503 }, 'unavailable'],
      ['down', {}, 'unavailable'],
    ])('or certainly not, under %s %j', async (fault, settings, code) => {
      await dial(sandbox, fault, settings);
      await expect(create()).rejects.toMatchObject({ code });
      expect(told.lines.filter(({ fields }) => fields['action'] === 'BookAppointment')).toHaveLength(1);
    });

    it('or said to be unknown when the core stays silent', async () => {
      await dial(sandbox, 'lost', { applied: true });
      await expect(create(SHORT_MS)).rejects.toMatchObject({ code: 'outcome-unknown' });
      const sent = told.lines.filter(({ fields }) => fields['action'] === 'BookAppointment');
      expect(sent).toHaveLength(1);
    });

    it('is not sent again while the core cannot say whether it is there', async () => {
      await dial(sandbox, 'garbage', { applied: true, operation: 'BookAppointment', count: 1 });
      await dial(sandbox, 'fault', { operation: 'FindAppointments' });
      await expect(create(SHORT_MS)).rejects.toMatchObject({ code: 'outcome-unknown' });
      expect((await received(sandbox)).filter((call) => call.startsWith('BookAppointment'))).toHaveLength(1);
    });
  });

  it.each([
    ['kill-mid-write', { applied: true }],
    ['kill-mid-write', { applied: false }],
    ['garbage', { applied: true }],
    ['lost', { applied: false }],
  ])('changes and cancels once under %s %j', async (fault, settings) => {
    const key = 'APPT|A50001';
    for (const [operation, changes] of [
      ['UpdateAppointment', { comment: 'anders' }],
      ['CancelAppointment', { status: 'cancelled' }],
    ] as const) {
      const before = await source.read('Appointment', key, contextOf());
      await dial(sandbox, fault, { ...settings, operation, count: 1 });
      const after = await source.update(
        'Appointment',
        key,
        { ...before, ...changes },
        contextOf(told, 5_000),
      );
      expect(after).toMatchObject(changes);
      expect(await source.read('Appointment', key, contextOf())).toEqual(after);
      const calls = (await received(sandbox)).filter((call) => call === `${operation} accepted`);
      expect(calls).toHaveLength(1);
    }
  });

  it('tells what each exchange was, without a value', async () => {
    await read();
    await create();
    await expect(source.read('Appointment', 'APPT|NONE', contextOf(told))).rejects.toMatchObject({
      code: 'not-found',
    });
    const lines = told.lines.filter(({ message }) => message === 'soap exchange');
    expect(
      lines.map(({ level, fields }) => [
        level,
        fields['action'],
        fields['status'],
        fields['reason'],
        fields['errorCode'],
      ]),
    ).toEqual([
      ['info', 'GetObservation', '0', undefined, undefined],
      ['info', 'BookAppointment', '0', undefined, undefined],
      ['info', 'GetAppointment', '8', 'NOT_FOUND', 'not-found'],
    ]);
    for (const { fields } of lines)
      expect(fields).toMatchObject({ backend: 'clinical', requestId: 'request-1' });
    expect(told.legs).toEqual([
      'clinical GetObservation',
      'clinical BookAppointment',
      'clinical GetAppointment',
    ]);
    expect(told.exchanges.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'not-found']);
    expect(JSON.stringify(told.lines)).not.toMatch(/R90001|100010|SOKOLOVA|СОКОЛОВА/);
  });
});
