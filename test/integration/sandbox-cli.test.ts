import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LoadReport } from '../../sandbox/load/index.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

const FICUS = fileURLToPath(new URL('../../bin/ficus.js', import.meta.url));

let hospital: Hospital;
let where: { readonly control: string[]; readonly fhir: string[] };
beforeAll(async () => {
  hospital = await startHospital();
  const { control } = hospital.sandbox.addresses;
  where = { control: ['--control', control], fhir: ['--fhir', hospital.base] };
});
afterEach(() => hospital.clearDials());
afterAll(() => hospital.close());

/** `ficus sandbox ...`, as it is typed. */
function ficus(...words: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [FICUS, 'sandbox', ...words], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

const dials = async (): Promise<readonly Record<string, unknown>[]> =>
  (await hospital.control<{ dials: Record<string, unknown>[] }>('/dials')).dials;

describe('ficus sandbox dial', () => {
  it('turns faults of a running sandbox on, says which are on, and turns them off', async () => {
    const on = await ficus(
      'dial',
      'observations',
      '--5xx',
      '30',
      '--wrong-unit',
      '1',
      '--for',
      '90s',
      ...where.control,
    );
    expect(on).toMatchObject({ code: 0, stderr: '' });
    expect(on.stdout).toContain('status 503');
    expect(on.stdout).toContain('wrong-unit');
    expect(await dials()).toMatchObject([
      { protocol: 'modern', fault: 'status', parameters: { status: 503 }, percent: 30 },
      { protocol: 'modern', fault: 'wrong-unit', percent: 1 },
    ]);

    const off = await ficus('dial', 'observations', '--clear', ...where.control);
    expect(off).toEqual({ code: 0, stdout: 'No dial of observations is on.\n', stderr: '' });
    expect(await dials()).toEqual([]);
  });

  it('replaces a fault that is set again, and leaves those of other services alone', async () => {
    await ficus('dial', 'clinical', '--slow', '5ms', ...where.control);
    await ficus('dial', 'observations', '--5xx', '30', ...where.control);
    await ficus('dial', 'observations', '--5xx', '60', ...where.control);
    const set = (await dials()).map(({ protocol, fault, percent }) => ({ protocol, fault, percent }));
    expect(set).toMatchObject([
      { protocol: 'soap', fault: 'slow' },
      { protocol: 'modern', fault: 'status', percent: 60 },
    ]);
    await ficus('dial', 'observations', '--clear', ...where.control);
    expect(await dials()).toMatchObject([{ protocol: 'soap' }]);
  });

  it('without a fault: lists what is on, and which there are', async () => {
    const { code, stdout } = await ficus('dial', 'observations', ...where.control);
    expect(code).toBe(0);
    expect(stdout).toContain('No dial of observations is on.');
    expect(stdout).toMatch(/--utc-without-offset .*\n/);
  });

  // A new case is a row: what is typed, what is said.
  it.each([
    [['dial', 'nobody', '--down'], 'There is no service "nobody"'],
    [['dial', 'observations', '--5xx', 'many'], '--5xx takes a number, not "many".'],
    [['dial', 'observations', '--sulk'], '--sulk is not known here'],
  ])('%j is refused in words', async (words, said) => {
    const { code, stdout, stderr } = await ficus(...words, ...where.control);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(said);
    expect(await dials()).toEqual([]);
  });

  it('says that nobody is there', async () => {
    const { code, stderr } = await ficus('dial', 'observations', '--down', '--control', 'http://127.0.0.1:9');
    expect(code).toBe(1);
    expect(stderr).toContain('No sandbox answers at http://127.0.0.1:9');
  });
});

describe('ficus sandbox load', () => {
  it('asks a running Ficus for all patients, and reports', async () => {
    const flags = ['--reads', '20', '--writes', '4', '--for', '2s', '--json'];
    const { code, stdout, stderr } = await ficus('load', ...flags, ...where.fhir, ...where.control);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout) as LoadReport;
    expect(report).toMatchObject({ sent: 48, answered: 48, failed: 0, errors: {} });
    expect(report.byServedBy).toMatchObject({ 'legacy:clinical': expect.any(Number) as number });
    expect(report.accepted).toHaveLength(8);
    expect(report.patients).toBeGreaterThan(20);
  });

  it('asks for one endpoint only, and says how it went in words', async () => {
    const flags = ['--reads', '10rps', '--for', '1s', '--endpoint', 'Observation.search'];
    const { code, stdout } = await ficus('load', ...flags, ...where.fhir, ...where.control);
    expect(code).toBe(0);
    expect(stdout).toContain('10.0 reads and 0.0 writes a second for 1 s.');
    expect(stdout).toContain('10 requests in 1 s: 10 answered, 0 failed');
    expect(stdout).toContain('Observation.search');
    expect(stdout).not.toContain('Patient.read');
  });

  it('with --clients: so many that each wait for their answers', async () => {
    const flags = ['--clients', '2', '--for', '1s', '--json'];
    const { code, stdout } = await ficus('load', ...flags, ...where.fhir, ...where.control);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as LoadReport;
    expect(report.sent).toBeGreaterThan(2);
    expect(report).toMatchObject({ answered: report.sent, failed: 0 });
  });

  it.each([
    [['--reads', 'many'], '--reads takes requests a second'],
    [['--for', 'long'], '--for takes a time such as'],
    [['--clients', '0'], '--clients takes a whole number over 0'],
    [['--endpoint', 'Observation.sing'], 'No search shape is known for Observation.sing'],
  ])('%j is refused in words', async (words, said) => {
    const { code, stderr } = await ficus('load', '--for', '1s', ...words, ...where.fhir, ...where.control);
    expect(code).toBe(1);
    expect(stderr).toContain(said);
  });
});
