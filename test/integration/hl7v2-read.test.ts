import { describe, expect, it } from 'vitest';
import { validateResource } from '../../src/fhir/validate.ts';
import { openScene } from './hl7v2-core.ts';

describe('Patient.read over QBP^Q22', () => {
  it('reads a patient by number and authority, under its key', async () => {
    const { source, context } = await openScene();
    const patient = await source.read('Patient', 'HOSP|100001', context());
    expect(patient).toMatchObject({
      resourceType: 'Patient',
      id: 'HOSP|100001',
      birthDate: '1962-03-14',
      gender: 'female',
      contact: [{ name: { family: 'Haller', given: ['Bernd'] } }],
    });
  });

  it('asks with the number and everything known of its authority, never the number alone', async () => {
    const { source, context, core, sent } = await openScene({ tapped: true });
    await source.read('Patient', 'CLINIC|C-20101', context());
    expect(core.journal.list({}).map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ['QBP^Q22', 'accepted'],
    ]);
    expect(sent()[0]).toMatch(
      /\rQPD\|IHE PDQ Query\|[0-9A-Z]{15}\|@PID\.3\.1\^C-20101~@PID\.3\.4\.1\^CLINIC~@PID\.3\.4\.2\^2\.999\.1\.2~@PID\.3\.4\.3\^ISO\rRCP\|I\r$/,
    );
  });

  it('gives valid resources for every patient of the core', async () => {
    const { source, context, core } = await openScene({ connections: 4 });
    const numbers = core
      .hospital()
      .patients.all()
      .map(({ pid }) => pid.fields[2]![0]!);
    const patients = await Promise.all(
      numbers.map(([number, , , authority]) =>
        source.read('Patient', `${authority![0]}|${number![0]}`, context()),
      ),
    );
    const keyed = patients.map((patient) => ({ ...patient, id: 'x' }));
    expect(keyed.flatMap((patient) => validateResource(patient).map((issue) => issue.diagnostics))).toEqual(
      [],
    );
  });

  it('finds the survivor by a number that was merged away: not active, and where to look', async () => {
    const { source, context } = await openScene();
    const old = await source.read('Patient', 'HOSP|100077', context());
    expect(old).toMatchObject({
      id: 'HOSP|100077',
      active: false,
      link: [{ other: { reference: 'Patient/HOSP|100002' }, type: 'replaced-by' }],
    });
  });

  it('refers to the record by a number of another authority, under the id that was asked for', async () => {
    const { source, context } = await openScene();
    const other = await source.read('Patient', 'CLINIC|C-20011', context());
    expect(other).toMatchObject({
      id: 'CLINIC|C-20011',
      link: [{ other: { reference: 'Patient/HOSP|100002' }, type: 'refer' }],
    });
    expect(other['active']).toBeUndefined();
    const numbers = (other['identifier'] as { value: string }[]).map(({ value }) => value);
    expect(numbers).toEqual(['100002', '100077', '100078', 'C-20011']);
  });

  it.each(['HOSP|999999', 'CLINIC|100001', 'ELSEWHERE|100001', 'HOSP|', '100001', 'HOSP|*'])(
    'does not know %s',
    async (key) => {
      const { source, context } = await openScene();
      const reading = source.read('Patient', key, context());
      await expect(reading).rejects.toMatchObject({ code: 'not-found', status: 404 });
    },
  );

  it('carries a number with delimiters and a line end as the value that it is', async () => {
    const { source, context, sent } = await openScene({ tapped: true });
    const reading = source.read('Patient', 'HOSP|1|2\rZPI|3^4~5\\6&7', context());
    await expect(reading).rejects.toMatchObject({ code: 'not-found' });
    expect(sent()[0]!.split('\r')).toHaveLength(4);
    expect(sent()[0]).toContain('@PID.3.1^1\\F\\2\\X0D\\ZPI\\F\\3\\S\\4\\R\\5\\E\\6\\T\\7~');
  });

  it('leaves one log line, one timing and one count for each exchange, without a value', async () => {
    const { source, context, lines, exchanges } = await openScene();
    const request = context();
    await source.read('Patient', 'HOSP|100001', request);
    const exchange = lines.filter(({ message }) => message === 'hl7v2 exchange');
    expect(exchange).toEqual([
      {
        level: 'info',
        message: 'hl7v2 exchange',
        fields: {
          backend: 'core',
          messageType: 'QBP^Q22',
          controlId: expect.stringMatching(/^[0-9A-Z]{15}$/) as string,
          ack: 'AA',
          durationMs: expect.any(Number) as number,
          errorCode: undefined,
        },
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain('100001');
    expect(request.legs).toEqual(['core QBP^Q22']);
    expect(exchanges).toEqual(['core QBP^Q22 ok']);
  });

  it('cannot read what no interaction file says, or what is for other interactions only', async () => {
    const { source, context } = await openScene();
    for (const type of ['Observation', 'ServiceRequest'])
      await expect(source.read(type, 'HOSP|1', context())).rejects.toMatchObject({ code: 'not-implemented' });
    expect(source.endpoints.toSorted()).toEqual([
      'Patient.create',
      'Patient.read',
      'Patient.search',
      'Patient.update',
      'ServiceRequest.create',
    ]);
  });
});

describe('character sets and acknowledgement modes', () => {
  it.each([
    ['UNICODE UTF-8', 'HOSP|100010', 'Соколова'],
    ['UNICODE UTF-8', 'HOSP|100012', '王'],
    ['8859/1', 'HOSP|100016', 'Müller'],
    // The core answers in UTF-8 what Latin-1 does not hold, and says so.
    ['8859/1', 'HOSP|100013', 'الأحمد'],
  ])('reads names over a line in %s', async (charset, key, family) => {
    const { source, context } = await openScene({ charset });
    const { name } = await source.read('Patient', key, context());
    expect((name as { family: string }[])[0]).toMatchObject({ family });
  });

  it.each(['original', 'enhanced'] as const)('reads in %s acknowledgement mode', async (acknowledgement) => {
    const { source, context } = await openScene({ acknowledgement });
    expect(await source.read('Patient', 'HOSP|100001', context())).toMatchObject({ id: 'HOSP|100001' });
  });

  it.each(['2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6'])('reads in version %s', async (version) => {
    const { source, context, sent } = await openScene({ version, tapped: true });
    expect(await source.read('Patient', 'HOSP|100001', context())).toMatchObject({ id: 'HOSP|100001' });
    const type = version === '2.3' ? 'QBP^Q22' : 'QBP^Q22^QBP_Q21';
    expect(sent()[0]!.split('|').slice(8, 12)).toEqual([type, expect.any(String), 'P', version]);
  });
});
