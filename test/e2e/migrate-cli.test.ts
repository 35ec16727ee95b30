import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/* Commands of docs/migrating-an-endpoint.md as they are typed: their words and exit codes. */

const FICUS = fileURLToPath(new URL('../../bin/ficus.js', import.meta.url));

interface Ran {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

let hospital: Hospital;
/** Where the commands run: nobody's token is there. */
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ficus-cli-'));
  hospital = await startHospital();
});
afterAll(async () => {
  await hospital?.close();
  rmSync(folder, { recursive: true });
});

/** `ficus ...` in a terminal that is eighty columns wide. */
function ficus(...words: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env['PATH'], COLUMNS: '80', FICUS_ADMIN: hospital.ficus.adminBase };
  return new Promise((resolve) => {
    execFile(process.execPath, [FICUS, ...words], { cwd: folder, env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

const migrate = (...words: readonly string[]): Promise<Ran> => ficus('migrate', ...words);

const SEARCH = 'Observation.search';

describe('ficus migrate rule list', () => {
  it('shows the rules of an endpoint, and refuses one that there is not', async () => {
    const rule = [
      'rule',
      'add',
      SEARCH,
      'order Bundle.entry',
      '--verdict',
      'bug-in-modern',
      '--owner',
      'Ada',
    ];
    expect(await migrate(...rule, '--reason', 'no order was promised')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect((await migrate('rule', 'list', SEARCH)).stdout).toContain(`${SEARCH}: order Bundle.entry`);
    expect((await migrate('rule', 'list', 'Appointment.search')).stdout).toBe(
      'There are no rules for Appointment.search.\n',
    );
    expect(await migrate('rule', 'list', 'Observation.serch')).toMatchObject({
      code: 1,
      stderr: 'There is no route for Observation.serch.\n',
    });
  });
});

describe('ficus route set --if-version', () => {
  it('takes a number, and the one that the route has', async () => {
    const set = (version: string) => ficus('route', 'set', SEARCH, 'legacy', '--if-version', version);
    expect((await set('soon')).stderr).toContain('It takes a number.');
    expect((await set('9')).stderr).toContain('was changed by another');
    expect((await set('1')).stdout).toBe(`${SEARCH} is at legacy already (version 1)\n`);
  });
});

describe('ficus migrate rollback --if-version', () => {
  it('goes back from the version that was seen, and from no other', async () => {
    const back = (version: string) =>
      migrate('rollback', 'Observation.read', '--if-version', version, '--reason', 'night shift');
    const moved = await back('1');
    expect([moved.code, moved.stdout]).toEqual([0, expect.stringContaining('went from modern to shadow')]);
    const late = await back('1');
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('It is at version 2, shadow')]);
  });
});

describe('ficus migrate backfill --resume', () => {
  it('says that a fill has ended and how, and refuses one of another endpoint', async () => {
    const patients = join(folder, 'patients.txt');
    writeFileSync(patients, 'urn:oid:2.999.1.1|100001\n');
    const filled = await migrate('backfill', SEARCH, '--patients', patients, '--reason', 'before shadow');
    expect(filled.code).toBe(0);
    const [, id = ''] = /^Fill (\S+): 1 patient$/m.exec(filled.stdout) ?? [];
    const resume = (endpoint: string) => migrate('backfill', endpoint, '--resume', id, '--reason', 'again');
    const again = await resume(SEARCH);
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(again.stdout).toMatch(
      new RegExp(`^Fill ${id} has ended: there is nothing to take up\\.\nFilled: 1 of 1 patient, `),
    );
    expect(await resume('Appointment.search')).toMatchObject({
      code: 1,
      stderr: `Fill ${id} is one of ${SEARCH}, not of Appointment.search.\n`,
    });
  });
});
