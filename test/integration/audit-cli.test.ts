import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { factOf, link } from '../../src/audit/chain.ts';
import { factsOf } from '../../src/audit/facts.ts';
import { openAuditStore } from '../../src/store/sqlite-audit.ts';
import { entry } from '../unit/audit/entries.ts';
import { indexTrail } from '../unit/audit/indexed.ts';

const root = new URL('../..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'ficus-audit-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, 'audit.sqlite');
const open = () => openAuditStore(file, { durability: 'normal' });

beforeEach(() => {
  for (const name of [file, `${file}-wal`, `${file}-shm`]) rmSync(name, { force: true });
  const store = open();
  const exchanges = [{ backend: 'core', messageId: 'M1', acknowledgement: 'AA' }];
  const start = Date.parse('2026-03-01T10:00:00Z');
  const entries = [
    entry({ exchanges }),
    entry({ kind: 'query', action: 'Observation.search', patients: ['p1', 'p2'], references: [], query: 'Observation?code=x' }), // prettier-ignore
    entry({ agent: { subject: 'another|one', tokenId: 'jti-2' }, requestId: 'request-2', patients: ['p3'] }),
  ];
  for (const [minute, one] of entries.entries())
    store.append((head) => link(head, factsOf(one), start + minute * 60_000));
  store.close();
  indexTrail(file);
});

/** Runs `ficus audit …`. */
async function ficus(...args: string[]): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'bin/ficus.js'), 'audit', ...args], (error, out, err) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, text: `${out}${err}` });
    });
  });
}

describe('ficus audit verify', () => {
  it('says that the trail is whole, and which head to note', async () => {
    const { code, text } = await ficus('verify', '--state', folder);
    expect(code).toBe(0);
    expect(text).toMatch(/is whole: 4 records from number 1 on/);
    const head = /Head (4:[0-9a-f]{64})\./.exec(text)![1]!;
    expect((await ficus('verify', file, '--head', head)).code).toBe(0);
    const other = `5:${'0'.repeat(64)}`;
    expect(await ficus('verify', file, '--head', other)).toMatchObject({ code: 1, text: expect.stringContaining('BROKEN at record 5') }); // prettier-ignore
  });

  it('names the first broken number, with exit code 1', async () => {
    const database = new DatabaseSync(file);
    database.exec('DROP TRIGGER audit_record_is_append_only');
    database.exec('UPDATE audit_record SET body = replace(body, \'"p2"\', \'"p9"\') WHERE sequence = 3');
    database.close();
    const { code, text } = await ficus('verify', file);
    expect(code).toBe(1);
    expect(text).toContain('BROKEN at record 3');
    expect(JSON.parse((await ficus('verify', file, '--json')).text)).toMatchObject({
      holds: false,
      sequence: 3,
    });
  });

  it('says where what records are found by is not as they say, and mends it', async () => {
    const database = new DatabaseSync(file);
    database.exec("DELETE FROM audit_name WHERE name = 'M1'");
    database.exec("INSERT INTO audit_name VALUES (4, 'Observation/planted', 2), (4, 'M9', 77)");
    const { code, text } = await ficus('verify', file);
    expect(code).toBe(1);
    expect(text).toContain('is whole: 4 records');
    expect(text).toContain('1 row lacked, 2 rows too many');
    expect(text).toContain('record 1: M1 lacks');
    expect(text).toContain('record 2: Observation/planted is too many');
    expect(text).toContain('record 77: M9 is too many');
    expect(JSON.parse((await ficus('verify', file, '--json')).text)).toMatchObject({
      holds: true,
      names: { lacks: 1, tooMany: 2 },
      mended: false,
    });
    const mended = await ficus('verify', file, '--reindex');
    expect(mended).toMatchObject({ code: 0, text: expect.stringContaining('It is now.') });
    const after = await ficus('verify', file);
    expect(after).toMatchObject({ code: 0, text: expect.stringContaining('is whole: 5 records') });
    expect(after.text).not.toContain('found by');
    const rows = database.prepare(
      "SELECT sequence FROM audit_name WHERE name IN ('M1', 'M9', 'Observation/planted')",
    );
    expect(rows.all().map(({ sequence }) => sequence)).toEqual([1]);
    database.close();
    const store = open();
    expect(factOf(store.list({}, 1)[0]!)).toMatchObject({
      kind: 'admin',
      action: 'audit.reindex',
      details: { added: '1', removed: '2' },
    });
    store.close();
  });

  it('says that the index pretends to know of records that are not there yet, and mends that', async () => {
    const database = new DatabaseSync(file);
    database.exec('INSERT INTO audit_run VALUES (1000)');
    database.close();
    const store = open();
    store.append((head) => link(head, factsOf(entry({ requestId: 'hidden' })), Date.now()));
    expect(store.list({ requestId: 'hidden' }, 1)).toEqual([]);
    const { code, text } = await ficus('verify', file, '--reindex');
    expect(text).toContain('record 1000: the end of the index is too many');
    expect(text).toContain('record 5: hidden lacks');
    expect(code).toBe(0);
    expect(store.list({ requestId: 'hidden' }, 1)).toHaveLength(1);
    store.close();
    expect((await ficus('verify', file)).code).toBe(0);
  });

  it('mends nothing of a trail that is broken', async () => {
    const database = new DatabaseSync(file);
    database.exec('DROP TRIGGER audit_record_is_append_only');
    database.exec('UPDATE audit_record SET body = replace(body, \'"p2"\', \'"p9"\') WHERE sequence = 3');
    database.exec("DELETE FROM audit_name WHERE name = 'M1'");
    const { code, text } = await ficus('verify', file, '--reindex');
    expect(code).toBe(1);
    expect(text).toContain('BROKEN at record 3');
    expect(database.prepare("SELECT * FROM audit_name WHERE name = 'M1'").all()).toEqual([]);
    database.close();
  });

  it('makes no trail where there is none', async () => {
    const nowhere = join(folder, 'nowhere');
    expect(await ficus('verify', '--state', nowhere)).toMatchObject({ code: 1, text: expect.stringContaining('no audit trail at') }); // prettier-ignore
    expect(existsSync(nowhere)).toBe(false);
  });
});

describe('ficus audit trail', () => {
  it('shows whom a token leads to, and is itself recorded', async () => {
    const { code, text } = await ficus('trail', file, '--token', 'jti-1');
    expect(code).toBe(0);
    expect(text).toContain('# Audit trail of token jti-1');
    expect(text).toContain(
      '3 events about 2 patients, from 2026-03-01T10:00:00.000Z to 2026-03-01T10:01:00.000Z',
    );
    expect(text).toMatch(/\| Patient\/p1 \| 2 \| 2026-03-01T10:00:00.000Z \| 2026-03-01T10:01:00.000Z \|/);
    expect(text).toMatch(/\| query \| Observation \| success \| 2 \|/);
    expect(text).toContain('core M1 AA');
    expect(text).not.toContain('code=x');
    const store = open();
    expect(factOf(store.list({}, 1)[0]!)).toMatchObject({
      kind: 'audit-read',
      action: 'audit.trail',
      details: { of: 'token', id: 'jti-1', events: '3' },
    });
    store.close();
  });

  it('shows it as JSON, of a request and of a patient', async () => {
    const ofPatient = await ficus('trail', file, '--patient', 'Patient/p3', '--json');
    expect(JSON.parse(ofPatient.text)).toMatchObject({
      of: 'patient Patient/p3',
      events: 1,
      patients: [{ patient: 'p3', events: 1 }],
      callers: [{ subject: 'another|one', tokenId: 'jti-2' }],
    });
    const ofRequest = await ficus('trail', file, '--request', 'request-2');
    expect(ofRequest.text).toContain('another\\|one');
    const store = open();
    expect(store.list({ patient: 'p3' }, 10).map(({ keys }) => keys.kind)).toEqual(['audit-read', 'read']);
    store.close();
  });

  it('wants to know whose', async () => {
    for (const args of [[], ['--token', 'a', '--patient', 'b']])
      expect(await ficus('trail', file, ...args)).toMatchObject({ code: 1, text: expect.stringContaining('one of them') }); // prettier-ignore
  });
});

describe('ficus audit disclosures', () => {
  const out = join(folder, 'disclosures');
  beforeEach(() => rmSync(out, { force: true }));

  it('writes to whom a patient’s data was given, by time, and is recorded as an export', async () => {
    const { code, text } = await ficus('disclosures', file, '--patient', 'Patient/p1', '--out', out);
    expect({ code, text }).toEqual({
      code: 0,
      text: `${out}: 2 disclosures of the data of 1 patient. The trail tells of it.\n`,
    });
    const lines = readFileSync(out, 'utf8').split('\r\n');
    expect(lines[0]).toBe(
      'patient,time,subject,issuer,application,user,roles,purpose,what,category,resources,token,request,record',
    );
    expect(
      lines.slice(1).map((line) => line.split(',').filter((_, nth) => [0, 1, 8, 9].includes(nth))),
    ).toEqual([
      ['Patient/p1', '2026-03-01T10:00:00.000Z', 'read', 'Observation'],
      ['Patient/p1', '2026-03-01T10:01:00.000Z', 'query', 'Observation'],
      [''],
    ]);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const store = open();
    expect(factOf(store.list({}, 1)[0]!)).toMatchObject({
      kind: 'export',
      action: 'audit.disclosures',
      patient: 'p1',
      details: { disclosures: '2', format: 'csv' },
    });
    store.close();
    rmSync(out);
    // The account of before is no disclosure.
    expect((await ficus('disclosures', file, '--patient', 'p1', '--out', out)).text).toContain(
      '2 disclosures',
    );
  });

  it('of a token is of every patient, as JSON too, and within a time', async () => {
    const asked = ['--token', 'jti-1', '--format', 'json', '--out', out];
    expect((await ficus('disclosures', file, ...asked)).text).toContain(
      '3 disclosures of the data of 2 patients',
    );
    const found = JSON.parse(readFileSync(out, 'utf8')) as object[];
    expect(found).toMatchObject([
      { patient: 'p1', kind: 'read', category: 'Observation', tokenId: 'jti-1', requestId: 'request-1' },
      { patient: 'p1', kind: 'query', category: 'Observation' },
      { patient: 'p2', kind: 'query', category: 'Observation' },
    ]);
    const store = open();
    expect(store.list({ kinds: ['export'] }, 10).map(({ keys }) => keys.patient)).toEqual(['p2', 'p1']);
    store.close();
    for (const [from, to, count] of [
      ['2026-03-01T10:01:00Z', '2026-03-01', 2],
      ['2026-02-01', '2026-02-28', 0],
      ['2026-03-01', '2026-03-01T10:00:30Z', 1],
    ] as const) {
      rmSync(out);
      const { text } = await ficus('disclosures', file, ...asked, '--from', from, '--to', to);
      expect(text).toContain(`${count} disclosure`);
    }
  });

  it('leaves a file alone that is there, and says so before anything is recorded', async () => {
    writeFileSync(out, 'mine');
    const { code } = await ficus('disclosures', file, '--patient', 'p1', '--out', out);
    expect([code, readFileSync(out, 'utf8')]).toEqual([1, 'mine']);
    const store = open();
    expect(store.head().sequence).toBe(4);
    store.close();
  });

  it.each([
    [['--out', out], 'one of them'],
    [['--patient', 'a', '--token', 'b', '--out', out], 'one of them'],
    [['--patient', 'a'], '--out'],
    [['--patient', 'a', '--from', 'soon', '--out', out], 'neither a day'],
  ])('wants to know whose, and where to: %j', async (args, words) => {
    expect(await ficus('disclosures', file, ...args)).toMatchObject({
      code: 1,
      text: expect.stringContaining(words),
    });
    expect(existsSync(out)).toBe(false);
  });
});
