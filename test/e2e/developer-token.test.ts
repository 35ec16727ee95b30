import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadReport } from '../../sandbox/load/index.ts';
import { askedOften, startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

const FICUS = fileURLToPath(new URL('../../bin/ficus.js', import.meta.url));

let hospital: Hospital;
let haller: string;

beforeAll(async () => {
  hospital = await startHospital(askedOften, { guarded: true });
  haller = await hospital.patientId('100001');
});
afterAll(() => hospital.close());

/** `ficus ...`, as it is typed. */
function ficus(...words: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [FICUS, ...words], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

const token = (...words: string[]) => ficus('token', '--state', hospital.state, ...words);

async function status(address: string, bearer: string): Promise<number> {
  const response = await fetch(address, { headers: { authorization: `Bearer ${bearer}` } });
  await response.arrayBuffer();
  return response.status;
}

describe('ficus token', () => {
  it('prints a token alone, that reads a patient', async () => {
    const { code, stdout, stderr } = await token();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(await status(`${hospital.base}/Patient/${haller}`, stdout.trim())).toBe(200);
  });

  it('prints a header line that curl takes', async () => {
    const { stdout } = await token('--header');
    expect(stdout).toMatch(/^Authorization: Bearer [\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  it('gives a token of a patient by name, which opens that record only, until it is taken back', async () => {
    const own = (await token('--patient', 'Haller', '--expires', '5m')).stdout.trim();
    const record = `${hospital.base}/Patient/${haller}`;
    expect(await status(record, own)).toBe(200);
    const other = await hospital.patientId('100002');
    expect(await status(`${hospital.base}/Patient/${other}`, own)).toBe(403);
    expect(await status(`${hospital.ficus.adminBase}/routes`, own)).toBeGreaterThanOrEqual(401);
    expect(await token('--revoke', own)).toEqual({ code: 0, stdout: '', stderr: '' });
    await expect.poll(() => status(record, own), { interval: 250 }).toBe(401);
  });

  it('gives a token of the staff, which opens the admin API', async () => {
    const viewer = (await token('--role', 'viewer')).stdout.trim();
    expect(await status(`${hospital.ficus.adminBase}/routes`, viewer)).toBe(200);
    const listed = await ficus('route', 'list', '--admin', hospital.ficus.adminBase, '--token', viewer);
    expect(listed.stdout).toContain('Patient.read');
  });

  it.each([
    [['--user', 'nobody'], 'No token: no user is called nobody'],
    [['--scope', 'patient/*.rs'], 'need a patient'],
    [['--expires', 'soon'], '--expires takes a time such as'],
    [['--role', 'emperor'], 'no user has the role emperor'],
  ])('says what is wrong with %j', async (words, reason) => {
    const { code, stdout, stderr } = await token(...words);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(reason);
  });

  it('says where it looked when no sandbox runs', async () => {
    const { code, stderr } = await ficus('token', '--state', '/nowhere');
    expect(code).toBe(1);
    expect(stderr).toContain('npm start');
  });
});

describe('ficus sandbox load', () => {
  it('asks with a token of the sandbox', async () => {
    const where = ['--fhir', hospital.base, '--control', hospital.sandbox.addresses.control];
    const tokens = ['--tokens', hospital.state];
    const { code, stdout } = await ficus(
      'sandbox',
      'load',
      '--reads',
      '20',
      '--for',
      '2s',
      '--json',
      ...where,
      ...tokens,
    );
    expect(code).toBe(0);
    const { byStatus } = JSON.parse(stdout) as LoadReport;
    expect(Object.keys(byStatus)).toEqual(['200']);
  });
});
