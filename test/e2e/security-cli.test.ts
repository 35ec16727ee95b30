import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/*
 * What docs/confidentiality.md has a newcomer try, as it is typed: a clinician of the sandbox breaks the glass, the privacy officer reviews it; then consents and revocations, and what each
 * command says when it cannot. The tests are steps, one after the other.
 */

const FICUS = fileURLToPath(new URL('../../bin/ficus.js', import.meta.url));
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/;
const AT = '\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2} UTC';
const BTG = { 'purpose-of-use': 'BTG', 'break-glass-reason': 'unconscious, no history known' };

interface Ran {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

let hospital: Hospital;
/** Where the commands run: no demo is there, and nobody's token. */
let folder: string;
let patient: string;
let officer: string;
let viewer: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ficus-cli-'));
  hospital = await startHospital((it) => it, { guarded: true });
  patient = await hospital.patientId('100055');
  officer = await tokenOf('--role', 'privacy-officer');
  viewer = await tokenOf('--role', 'viewer');
});
afterAll(async () => {
  await hospital?.close();
  rmSync(folder, { recursive: true });
});

/** `ficus ...` in a terminal that is a hundred columns wide. */
function ficus(words: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  const env = { PATH: process.env['PATH'], COLUMNS: '100', ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [FICUS, ...words], { cwd: folder, env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

async function tokenOf(...words: string[]): Promise<string> {
  return (await ficus(['token', '--state', hospital.state, ...words])).stdout.trim();
}

/** `ficus security ...` of the privacy officer, or of whoever else. */
function security(words: readonly string[], token = officer): Promise<Ran> {
  return ficus(['security', ...words, '--admin', hospital.ficus.adminBase, '--token', token]);
}

/** What it said, where it did what it should. */
async function done(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await security(words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function read(path: string, token: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${hospital.base}${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  return { status: response.status, text: await response.text() };
}

/** Nothing was done, and why is said in words: no stack, no code, nothing on the other stream. */
function expectRefused({ code, stdout, stderr }: Ran, words: string | RegExp): void {
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/\n {4}at |node:|\.ts:/);
}

describe('ficus security break-glass', () => {
  let id: string;

  it('begins with a clinician who may, and is told how', async () => {
    const emergency = await tokenOf('--role', 'emergency');
    const visits = `/Encounter?patient=${patient}`;
    const before = await read(visits, emergency);
    expect(before.text).toContain('Purpose-Of-Use: BTG with a Break-Glass-Reason');
    expect(before.text).not.toContain('"code":"V"');
    const after = await read(visits, emergency, BTG);
    expect(after.status).toBe(200);
    expect(after.text).toContain('"code":"V"');
    expect((await read(visits, await tokenOf(), BTG)).status).toBe(403);
  });

  it('lists whose data, by whom, why, and what is left to do', async () => {
    const listed = await done(['break-glass']);
    const [head, ...rest] = listed.trimEnd().split('\n');
    expect(head).toMatch(new RegExp(`${UUID.source}  Patient/${patient}$`));
    const words = rest.map((line) => line.trim()).join(' ');
    expect(words).toMatch(/^clinician-p107, Practitioner\/P107, by developer; token \S+ /);
    expect(words).toMatch(new RegExp(`1 request, ${AT}: Encounter\\.search "unconscious, no history known" waits for somebody to review it$`)); // prettier-ignore
    expect(rest.every((line) => line.startsWith('    ') && line.length <= 100)).toBe(true);
    [id = ''] = UUID.exec(head ?? '') ?? [];
    expect(await done(['break-glass', 'show', id])).toBe(listed);
    const json = JSON.parse(await done(['break-glass', 'list', '--json'])) as object[];
    expect(json).toEqual([expect.objectContaining({ id, patient, requests: 1 })]);
    expect(JSON.parse(await done(['break-glass', 'show', id, '--json']))).toEqual(json[0]);
  });

  it('is reviewed once, by whoever may', async () => {
    const review = ['break-glass', 'review', id, '--verdict', 'justified', '--note', 'was in the emergency room']; // prettier-ignore
    expectRefused(await security(review, viewer), /^This needs the role privacy-officer .*has viewer\.$/m);
    expectRefused(await security(review.slice(0, 3)), /required option '--verdict/);
    expectRefused(await security([...review.slice(0, 4), 'fine', '--note', 'x']), /justified, unjustified/);
    expect(await done(review)).toMatch(new RegExp(`\\n {4}justified, says staff-privacy-officer \\(${AT}\\): was in the emergency room\\n$`)); // prettier-ignore
    expectRefused(await security(review), 'Somebody has reviewed this case already.');
    expectRefused(await security(['break-glass', 'show', 'nothing']), 'There is no such case.');
    expect(await done(['break-glass'])).toBe('There are none.\n');
    expect(await done(['break-glass', 'list', '--all'])).toContain('justified');
    expectRefused(await security(['break-glass', 'list', '--limit', 'many']), 'whole number');
  });
});

describe('ficus security consents', () => {
  const write = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return name;
  };
  const consent = (status: string) => ({
    resourceType: 'Consent',
    status,
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] }, // prettier-ignore
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patient}` },
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTOUT' }] },
  });

  it('are set from a file, bind at once, and are withdrawn', async () => {
    const clinician = await tokenOf();
    const state = (words: string, version: number) =>
      new RegExp(`^c-1  Patient/${patient}\\n {4}${words}, version ${version}, set by staff-privacy-officer at ${AT}\\n$`); // prettier-ignore
    expect(await done(['consents'])).toBe('There are none.\n');
    const file = write('consent.json', JSON.stringify(consent('active')));
    expect(await done(['consents', 'set', 'c-1', file])).toMatch(state('in force', 1));
    expect((await read(`/Patient/${patient}`, clinician)).status).toBe(404);
    expect(await done(['consents', 'list', '--patient', patient])).toMatch(state('in force', 1));
    expect(await done(['consents', 'list', '--patient', 'another'])).toBe('There are none.\n');
    const withdrawn = write('withdrawn.json', JSON.stringify(consent('inactive')));
    const kept = JSON.parse(await done(['consents', 'set', 'c-1', withdrawn, '--json'])) as object;
    expect(kept).toMatchObject({ enforced: true, consent: { id: 'c-1', version: 2 } });
    expect(await done(['consents'])).toMatch(state('withdrawn', 2));
    expect((await read(`/Patient/${patient}`, clinician)).status).toBe(200);
  });

  it('are refused with every reason, and no word of a file that is none', async () => {
    const half = write('half.json', '{"resourceType":"Consent","status":"active"}');
    expectRefused(await security(['consents', 'set', 'c-2', half]), /scope is required\.\n.*category is/);
    const broken = write('broken.json', '{"resourceType": secret');
    const refused = await security(['consents', 'set', 'c-2', broken]);
    expectRefused(refused, /^broken\.json is no JSON: a FHIR R4 Consent is wanted\.$/m);
    expect(refused.stderr).not.toContain('secret');
    expectRefused(await security(['consents', 'set', 'c-2', 'none.json']), 'none.json cannot be read (ENOENT).'); // prettier-ignore
    expectRefused(await security(['consents', 'set', 'c-2', 'consent.json'], viewer), 'setting a consent');
    expectRefused(await security(['consents'], viewer), 'privacy-officer');
  });
});

describe('ficus security revoke', () => {
  it('refuses the tokens that it names, until it is lifted', async () => {
    const token = await tokenOf('--user', 'Annette Dorn');
    const subject = ['--subject', 'clinician-p104', '--client', 'developer'];
    const said = await done(['revoke', ...subject, '--reason', 'left the hospital']);
    const what = 'what subject clinician-p104 with application developer had by';
    expect(said).toMatch(new RegExp(`^${UUID.source.slice(1)}  ${what} ${AT}\\n {4}revoked by staff-privacy-officer at ${AT}, kept until ${AT}: left\\n {4}the hospital\\n$`)); // prettier-ignore
    expect((await read(`/Patient/${patient}`, token)).status).toBe(401);
    expect(await done(['revocations'])).toBe(said);
    const { revocations } = JSON.parse(await done(['revocations', '--json'])) as {
      revocations: { id: string }[];
    };
    expect(revocations).toHaveLength(1);
    const id = revocations[0]?.id ?? '';
    expect(said.startsWith(`${id}  `)).toBe(true);
    const lift = ['lift', id, '--reason', 'is back'];
    expectRefused(await security(lift, viewer), /privacy-officer, admin/);
    const lifted = JSON.parse(await done([...lift, '--json'])) as object;
    expect(lifted).toMatchObject({ enforced: true, revocation: { id, lifted: { reason: 'is back' } } });
    expect((await read(`/Patient/${patient}`, token)).status).toBe(200);
    expectRefused(await security(lift), 'Somebody has lifted this revocation already.');
    expect(await done(['revocations'])).toMatch(
      new RegExp(`lifted by staff-privacy-officer at ${AT}: is back`),
    );
  });

  it('takes the id of a token, and never the token', async () => {
    const token = await tokenOf();
    const mistaken = await security(['revoke', '--token-id', token, '--reason', 'lost']);
    expectRefused(mistaken, /^This is a token, and --token-id takes its id \(jti\)/);
    expect(mistaken.stderr).not.toContain(token.slice(0, 20));
    const one = await done(['revoke', '--token-id', 'jti-1', '--reason', 'lost', '--json']);
    expect(JSON.parse(one)).toMatchObject({ revocation: { tokenId: 'jti-1', reason: 'lost' } });
  });

  it('says what is missing', async () => {
    expectRefused(await security(['revoke', '--reason', 'x']), 'names a token, or a subject, an application');
    expectRefused(await security(['revoke', '--token-id', 'x']), /required option '--reason/);
    expectRefused(await security(['lift', 'nothing', '--reason', 'x y z']), 'There is no such revocation.');
    expectRefused(await security(['revoke', '--subject', 'x', '--reason', 'x'], viewer), 'the token has viewer'); // prettier-ignore
  });
});

describe('a command of the privacy officer', () => {
  it('says who it wants to be told of, which token is not good, and where nobody answers', async () => {
    const at = ['security', 'revocations', '--admin', hospital.ficus.adminBase];
    expectRefused(await ficus(at), /give a token with --token, or in FICUS_TOKEN/);
    expectRefused(await ficus([...at, '--token', 'x.y.z']), /token is not good here, or not any more/);
    const nobody = ['security', 'revocations', '--admin', 'http://127.0.0.1:1', '--token', officer];
    const refused = await ficus(nobody);
    expectRefused(refused, /^No Ficus answers at http:\/\/127\.0\.0\.1:1\. Is it running\?/);
    expect(refused.stderr).not.toContain(officer.slice(-20));
  });

  it('takes address and token from the environment', async () => {
    const environment = { FICUS_ADMIN: hospital.ficus.adminBase, FICUS_TOKEN: officer };
    expect(await ficus(['security', 'revocations'], environment)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('ficus token', () => {
  it('names the roles and users that there are', async () => {
    const at = ['token', '--state', hospital.state];
    expectRefused(
      await ficus([...at, '--role', 'emperor']),
      /no user has the role emperor: emergency, viewer/,
    );
    expectRefused(await ficus([...at, '--user', 'nobody']), /no user is called nobody: clinician-p101/);
    expectRefused(await ficus([...at, '--client', 'nobody']), 'no client has the id nobody');
    expectRefused(await ficus([...at, '--scope', 'nonsense']), 'no scope is known here');
    expectRefused(await ficus(['token', '--state', folder]), /"npm start" and "ficus sandbox"/);
  });
});
