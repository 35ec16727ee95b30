import { describe, expect, it } from 'vitest';
import type { Issue } from '../../src/errors.ts';
import type { JsonObject, Resource } from '../../src/fhir/types.ts';
import { openScene } from './hl7v2-core.ts';
import { NEW_PATIENT, ORDER, kept, identifiers } from './hl7v2-write-scene.ts';

describe('Patient.create (ADT^A28)', () => {
  it('gives the patient as the core holds it, with the number that the core assigned', async () => {
    const scene = await openScene();
    const created = await scene.source.create('Patient', NEW_PATIENT, scene.context());
    expect(created).toMatchObject({ id: 'HOSP|100901', name: NEW_PATIENT['name'], birthDate: '1990-02' });
    expect(identifiers(created)).toEqual([
      'urn:oid:2.999.1.1|100901',
      expect.stringMatching(/^urn:oid:2\.999\.1\.99\|[0-9A-Z]{15}$/),
    ]);
    expect(scene.exchanges).toEqual(['core ADT^A28 ok', 'core QBP^Q22 ok']);
    expect(await scene.source.read('Patient', 'HOSP|100901', scene.context())).toEqual(created);
  });

  it('uses the number of ours that the client gives', async () => {
    const scene = await openScene();
    const identifier = [{ system: 'urn:oid:2.999.1.99', value: 'APP-1' }];
    const created = await scene.source.create('Patient', { ...NEW_PATIENT, identifier }, scene.context());
    expect(identifiers(created)).toEqual(['urn:oid:2.999.1.1|100901', 'urn:oid:2.999.1.99|APP-1']);
  });

  it('keeps identifiers of other authorities beside it', async () => {
    const scene = await openScene();
    const identifier = [{ system: 'urn:oid:2.999.1.2', value: 'C-999' }];
    const created = await scene.source.create('Patient', { ...NEW_PATIENT, identifier }, scene.context());
    expect(identifiers(created).slice(0, 2)).toEqual(['urn:oid:2.999.1.1|100901', 'urn:oid:2.999.1.2|C-999']);
  });

  it('carries a name that holds delimiters and line ends as a name', async () => {
    const scene = await openScene({ tapped: true });
    const family = 'O|x\rZPI|1|evil\nPID|^~\\&';
    const created = await scene.source.create(
      'Patient',
      { ...NEW_PATIENT, name: [{ family }] },
      scene.context(),
    );
    expect(created['name']).toEqual([{ family }]);
    expect(
      scene
        .sent()[0]!
        .trimEnd()
        .split('\r')
        .map((line) => line.slice(0, 3)),
    ).toEqual(['MSH', 'EVN', 'PID', 'PV1']);
    expect(kept(scene, '100901', 'zpi')).toEqual([]);
  });

  it('refuses what the core has no place for, naming each element, and sends nothing', async () => {
    const scene = await openScene();
    const resource = {
      ...NEW_PATIENT,
      active: false,
      photo: [{ contentType: 'image/png' }],
      name: [{ family: 'X', period: { start: '2020' } }, { text: 'only text' }],
    };
    const creating = scene.source.create('Patient', resource, scene.context());
    await expect(creating).rejects.toMatchObject({
      code: 'unmappable',
      status: 422,
      issues: expect.arrayContaining([
        expect.objectContaining({ expression: ['Patient.active'] }),
        expect.objectContaining({ expression: ['Patient.photo'] }),
      ]) as unknown,
    });
    expect(scene.received()).toEqual([]);
  });

  it('refuses rules that would change what the record means', async () => {
    const scene = await openScene();
    const implicitRules = 'https://rules.example/all-names-are-maiden-names';
    const creating = scene.source.create('Patient', { ...NEW_PATIENT, implicitRules }, scene.context());
    await expect(creating).rejects.toMatchObject({
      code: 'unmappable',
      issues: [{ expression: ['Patient.implicitRules'] }],
    });
    expect(scene.received()).toEqual([]);
  });

  it.each([
    ['items', Array.from({ length: 20_000 }, (_, at) => ({ family: `F${at}` }))],
    ['text', Array.from({ length: 40 }, () => ({ family: 'x'.repeat(10_000) }))],
  ])(
    'refuses a list with too many %s for the repetitions of a field, before any of it is written',
    async (_, name) => {
      const scene = await openScene();
      const creating = scene.source.create('Patient', { ...NEW_PATIENT, name }, scene.context());
      await expect(creating).rejects.toMatchObject({
        code: 'unmappable',
        status: 422,
        issues: [{ expression: ['Patient.name'] }],
      });
      expect(scene.received()).toEqual([]);
    },
  );

  it('leaves out what the core has no place for when the client accepts that, and tells', async () => {
    const scene = await openScene();
    const told: Issue[] = [];
    const photo = [{ contentType: 'image/png' }];
    const created = await scene.source.create(
      'Patient',
      { ...NEW_PATIENT, photo },
      scene.context(),
      (issues) => told.push(...issues),
    );
    expect(created).toMatchObject({ id: 'HOSP|100901', birthDate: '1990-02' });
    expect(told).toEqual([expect.objectContaining({ severity: 'warning', expression: ['Patient.photo'] })]);
  });

  it('tells the next of kin together, numbered, and says when none is left', async () => {
    const scene = await openScene({ tapped: true });
    const kin = (given: string): JsonObject => ({
      relationship: [
        {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode',
              code: 'MTH',
              display: 'mother',
            },
          ],
        },
      ],
      name: { family: 'Bär', given: [given] },
      telecom: [{ system: 'phone', use: 'home', value: '+49 30 1' }],
    });
    const [ida, ada, eva] = ['Ida', 'Ada', 'Eva'].map(kin) as [JsonObject, JsonObject, JsonObject];
    const told = (): string[] =>
      scene
        .sent()
        .findLast((message) => message.includes('|ADT^'))!
        .split('\r')
        .filter((line) => line.startsWith('NK1'))
        .map((line) => line.split('|').slice(0, 3).join('|'));
    const { contact, ...created } = await scene.source.create(
      'Patient',
      { ...NEW_PATIENT, contact: [ida, ada] },
      scene.context(),
    );
    expect(contact).toEqual([ida, ada]);
    expect(told()).toEqual(['NK1|1|Bär^Ida', 'NK1|2|Bär^Ada']);
    const update = (contact: object): Promise<Resource> =>
      scene.source.update('Patient', created.id!, { ...created, ...contact }, scene.context());
    expect(await update({ contact: [eva, ada, ida] })).toMatchObject({ contact: [eva, ada, ida] });
    expect(told().map((line) => line.split('|')[2])).toEqual(['Bär^Eva', 'Bär^Ada', 'Bär^Ida']);
    expect(new Set(told().map((line) => line.split('|')[1]))).toEqual(new Set(['1', '2', '3']));
    expect(await update({ contact: [eva] })).toMatchObject({ contact: [eva] });
    expect(await update({})).not.toHaveProperty('contact');
    expect(told()).toEqual(['NK1|1|""']);
    expect(await update({})).not.toHaveProperty('contact');
    expect(told()).toEqual([]);
  });

  it('says which element the core missed', async () => {
    const scene = await openScene();
    const creating = scene.source.create(
      'Patient',
      { resourceType: 'Patient', gender: 'male' },
      scene.context(),
    );
    await expect(creating).rejects.toMatchObject({
      code: 'value-required',
      issues: [{ code: 'required', expression: ['Patient.name'] }],
    });
  });

  it('is a duplicate when a number is taken', async () => {
    const scene = await openScene();
    const identifier = [{ system: 'urn:oid:2.999.1.1', value: '100001' }];
    const creating = scene.source.create('Patient', { ...NEW_PATIENT, identifier }, scene.context());
    await expect(creating).rejects.toMatchObject({ code: 'duplicate', status: 409 });
  });

  it('refuses a character that the line cannot carry', async () => {
    const scene = await openScene({ charset: '8859/1' });
    const creating = scene.source.create(
      'Patient',
      { ...NEW_PATIENT, name: [{ family: '王' }] },
      scene.context(),
    );
    await expect(creating).rejects.toMatchObject({ code: 'unmappable' });
    expect(scene.received()).toEqual([]);
  });
});

describe('Patient.update (ADT^A31)', () => {
  it('changes what was changed and leaves every other field, byte for byte', async () => {
    const scene = await openScene();
    const before = kept(scene, '100001');
    const segments = [kept(scene, '100001', 'pd1'), kept(scene, '100001', 'zpi')];
    const patient = await scene.source.read('Patient', 'HOSP|100001', scene.context());
    const changed = { ...patient, birthDate: '1962-03-15' };
    const updated = await scene.source.update('Patient', 'HOSP|100001', changed, scene.context());
    expect(updated).toEqual(changed);
    expect(kept(scene, '100001')).toEqual(before.with(6, '19620315'));
    expect([kept(scene, '100001', 'pd1'), kept(scene, '100001', 'zpi')]).toEqual(segments);
  });

  it('takes away what was removed', async () => {
    const scene = await openScene({ tapped: true });
    const { maritalStatus: _gone, ...rest } = await scene.source.read(
      'Patient',
      'HOSP|100001',
      scene.context(),
    );
    const updated = await scene.source.update('Patient', 'HOSP|100001', rest, scene.context());
    expect(updated['maritalStatus']).toBeUndefined();
    const pid = scene
      .sent()
      .find((message) => message.includes('ADT^A31'))!
      .split('\r')
      .find((line) => line.startsWith('PID'))!;
    expect(pid.split('|')[16]).toBe('""');
    expect(kept(scene, '100001')[15]).toBe('');
  });

  it('changes nothing in the core when nothing was changed', async () => {
    const scene = await openScene({ connections: 4 });
    for (const number of ['100001', '100002', '100010', '100013', '100020', '100027', '100058']) {
      const before = kept(scene, number).slice(1);
      const patient = await scene.source.read('Patient', `HOSP|${number}`, scene.context());
      const updated = await scene.source.update('Patient', `HOSP|${number}`, patient, scene.context());
      expect(updated).toEqual(patient);
      expect(kept(scene, number).slice(1)).toEqual(before);
    }
  });

  it('is not found for a number that the core does not have', async () => {
    const scene = await openScene();
    const updating = scene.source.update('Patient', 'HOSP|999999', NEW_PATIENT, scene.context());
    await expect(updating).rejects.toMatchObject({ code: 'not-found' });
    expect(scene.received('ADT^A31')).toEqual([]);
  });

  it('is a conflict under a number that was merged away', async () => {
    const scene = await openScene();
    const updating = scene.source.update('Patient', 'HOSP|100077', NEW_PATIENT, scene.context());
    await expect(updating).rejects.toMatchObject({ code: 'conflict' });
    expect(scene.received('ADT^A31')).toEqual([]);
  });

  it('writes in the character set of the record', async () => {
    const scene = await openScene({ charset: '8859/1' });
    const patient = await scene.source.read('Patient', 'HOSP|100013', scene.context());
    const changed = { ...patient, gender: 'female', birthDate: '1979-01-02' };
    const updated = await scene.source.update('Patient', 'HOSP|100013', changed, scene.context());
    expect(updated).toEqual(changed);
  });
});

describe('a write in doubt', () => {
  const attempt = { writeId: 'w-1', doubtful: 'ask-then-send' } as const;
  const onlyAsk = { ...attempt, doubtful: 'ask-only' } as const;

  it.each([
    ['Patient', NEW_PATIENT, 'ADT^A28'],
    ['ServiceRequest', ORDER, 'OML^O21'],
  ])('makes the %s once, and gives it again', async (type, resource, message) => {
    const scene = await openScene();
    const make = () => scene.source.create(type, resource, scene.context(), undefined, attempt);
    const made = await make();
    expect(await make()).toEqual(made);
    expect(scene.received(message)).toHaveLength(1);
  });

  it('is only asked after where it must not be sent', async () => {
    const scene = await openScene();
    const make = (doubt: typeof attempt | typeof onlyAsk) =>
      scene.source.create('Patient', NEW_PATIENT, scene.context(), undefined, doubt);
    await expect(make(onlyAsk)).rejects.toMatchObject({ code: 'not-found' });
    expect(scene.received('ADT^A28')).toHaveLength(0);
    const made = await make(attempt);
    expect(await make(onlyAsk)).toEqual(made);
  });

  it('changes what is not so yet, and is done when it is', async () => {
    const scene = await openScene();
    const before = await scene.source.read('Patient', 'HOSP|100001', scene.context());
    const change = (birthDate: string, doubt: typeof attempt | typeof onlyAsk) =>
      scene.source.update(
        'Patient',
        'HOSP|100001',
        { ...before, birthDate },
        scene.context(),
        undefined,
        doubt,
      );
    await expect(change('1931-01-02', onlyAsk)).rejects.toMatchObject({ code: 'outcome-unknown' });
    const changed = await change('1931-01-02', attempt);
    expect(changed['birthDate']).toBe('1931-01-02');
    expect(await change('1931-01-02', attempt)).toEqual(changed);
    expect(await change('1931-01-02', onlyAsk)).toEqual(changed);
    expect(scene.received('ADT^A31')).toHaveLength(1);
    // Onto another state of the record it is another message, which the core does not take for the first.
    expect((await change('1932-01-02', attempt))['birthDate']).toBe('1932-01-02');
    expect(new Set(scene.received('ADT^A31').map(({ controlId }) => controlId)).size).toBe(2);
  });
});
