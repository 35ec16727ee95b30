import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { registerMap } from '../../../src/cli/map.ts';
import { BASE, keepRows } from './support.ts';

const PID = `map: PID <-> Patient
rows:
  - { v2: PID-5, fhir: name, each: XPN <-> HumanName }
  - { v2: PID-8, fhir: gender, code: administrative-sex }
${keepRows('PID', 40, [5, 8])}`;
const ADT = `message: ADT_A05
of: [ADT^A28, ADT^A31]
structure: [MSH, EVN, PID, PV1?]
reads:
  - { resource: Patient, maps: [PID <-> Patient] }
drops:
  MSH: { why: the envelope, by: test }
  EVN: { why: the event, by: test }
`;

let folder: string;
let printed: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ficus-map-'));
  for (const [at, { text }] of [...BASE, { text: PID }, { text: ADT }].entries())
    writeFileSync(join(folder, `${at}.yaml`), text);
  printed = [];
  process.exitCode = 0;
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text));
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(folder, { recursive: true });
});

async function ficus(...args: string[]): Promise<string> {
  const program = new Command('ficus').exitOverride();
  registerMap(program);
  await program.parseAsync(['map', ...args, '--dir', folder], { from: 'user' });
  return printed.join('\n');
}

function fileOf(...messages: string[]): string {
  const file = join(folder, 'messages.hl7');
  writeFileSync(file, messages.map((message) => message.replaceAll('\n', '\r')).join('\r'));
  return file;
}

const message = (id: number, type: string, pid: string) =>
  `MSH|^~\\&|A|B|C|D|20260101||${type}|${id}|P|2.5\nEVN||20260101\n${pid}`;

describe('ficus map run', () => {
  it('reads every message of a file and says what had no home', async () => {
    const file = fileOf(
      message(1, 'ADT^A28', 'PID|||7||Doe^Jane|||F'),
      message(2, 'ADT^A31', 'PID|||8||Roe^^^^^^^^context|||Z'),
    );
    const reports = JSON.parse(await ficus('run', '--json', file));
    expect(reports.map((it: { resources: object[] }) => it.resources)).toMatchObject([
      [
        {
          from: '.',
          resource: { resourceType: 'Patient', name: [{ family: 'Doe', given: ['Jane'] }], gender: 'female' },
        },
      ],
      [
        {
          resource: { name: [{ family: 'Roe' }] },
          loss: [
            { kind: 'unknown-code', path: 'PID-8' },
            { kind: 'kept', path: 'PID-3' },
            { kind: 'kept', path: 'PID-5.9' },
          ],
        },
      ],
    ]);
  });

  it.each([
    ['missing', '', ['--default-charset', '8859/1']],
    ['untrue', '|||||UNICODE UTF-8', ['--charset', '8859/1']],
  ])('reads messages whose MSH-18 is %s by a character set that is said', async (_, more, options) => {
    const file = join(folder, 'latin1.hl7');
    const text = message(1, 'ADT^A28', 'PID|||7||Müller').replace('|2.5\n', `|2.5${more && `|${more}`}\n`);
    writeFileSync(file, text.replaceAll('\n', '\r'), 'latin1');
    const [unread] = JSON.parse(await ficus('run', '--json', file));
    expect(unread.error).toContain('does not decode as UNICODE UTF-8');
    printed = [];
    const [read] = JSON.parse(await ficus('run', '--json', ...options, file));
    expect(read.resources).toMatchObject([{ resource: { name: [{ family: 'Müller' }] } }]);
    printed = [];
    expect(await ficus('coverage', ...options, file)).toContain('1 message, 0 not read');
  });

  it('refuses a character set that it does not know, whatever the messages say', async () => {
    const file = fileOf(message(1, 'ADT^A28', 'PID|||7||Doe'));
    await expect(ficus('run', '--charset', 'EBCDIC', file)).rejects.toThrow('EBCDIC is none of');
  });

  it('reads a batch, and says which messages it cannot read', async () => {
    const file = fileOf(
      'FHS|^~\\&|A',
      'BHS|^~\\&|A',
      message(1, 'ADT^A28', 'PID|||7||Doe'),
      message(2, 'ORU^R01', 'PID|||8'),
      'BTS|2',
      'FTS|1',
    );
    const text = await ficus('run', '--quiet', file);
    expect(text).toContain('2 messages (1 not read): 1 Patient');
    expect(process.exitCode).toBe(1);
  });

  it('names a segment that stands where the structure does not expect it', async () => {
    const file = fileOf(message(1, 'ADT^A28', 'PID|||7||Doe\nOBX|1'));
    expect(await ficus('run', file)).toContain(
      'unmapped OBX: stands where the structure of the message does not expect it',
    );
  });
});

describe('ficus map check', () => {
  it('says that every law holds', async () => {
    expect(await ficus('check', '--runs', '5')).toMatch(/Every law holds on 5 trees a map\./);
  });

  it('prints the smallest counter-example, and fails', async () => {
    const broken =
      'map: DR <-> Period [broken]\nrows:\n  - { v2: DR.1, fhir: start, when: DR.2 }\n  - { v2: DR.2, fhir: ~, keep: raw, why: x }\n';
    writeFileSync(join(folder, 'broken.yaml'), broken);
    expect(await ficus('check', '--runs', '10')).toMatch(
      /DR <-> Period \[broken\] breaks put-get:\n {4}(1 = .*\n {4}2 = .*|2 = .*\n {4}1 = .*)\n {2}differs: Period.start not-carried\n/,
    );
    expect(process.exitCode).toBe(1);
  });
});

describe('ficus map explain', () => {
  it('shows the row that wins, and where it was written', async () => {
    expect(await ficus('explain', 'PID-8')).toMatch(
      /^PID <-> Patient\n {2}\{ v2: PID-8, fhir: gender, code: administrative-sex \}\n {2}.*\.yaml:4$/,
    );
  });

  it('says that no row speaks of a place', async () => {
    await expect(ficus('explain', 'ZZZ-1')).rejects.toThrow('No row speaks of ZZZ-1.');
  });
});

describe('ficus map coverage', () => {
  const people = [
    message(1, 'ADT^A28', 'PID|||7||Doe^Jane|||F'),
    message(2, 'ADT^A28', 'PID|||8||Doe^Jim|||X\nZPI|||POR'),
    message(3, 'ADT^A28', 'PID|||9||Doe^Jo\nNK1|1|Doe^Mo'),
  ];

  it('counts what became of every field, and says why', async () => {
    const file = fileOf(...people, message(4, 'ZZZ^Z99', 'PID|||7'));
    const report = JSON.parse(await ficus('coverage', file, '--json'));
    expect(report).toMatchObject({
      messages: 4,
      failed: [{ message: 4, error: 'there is no message file for this type' }],
    });
    expect(report.types).toEqual([
      { type: 'ADT^A28', count: 3 },
      { type: 'ZZZ^Z99', count: 1 },
    ]);
    const field = (name: string) => report.fields.find((it: { field: string }) => it.field === name);
    expect(field('PID-5')).toEqual({ field: 'PID-5', seen: 3, fates: { mapped: 3 }, why: [] });
    expect(field('PID-8')).toEqual({
      field: 'PID-8',
      seen: 2,
      fates: { mapped: 1, refused: 1 },
      why: ['unknown-code: code map administrative-sex'],
    });
    expect(field('PID-3')).toMatchObject({ seen: 3, fates: { kept: 3 }, why: ['kept: not of this test'] });
    expect(field('EVN-2')).toMatchObject({ fates: { heeded: 3 }, why: ['it says when the event was'] });
    expect(field('MSH-9')).toMatchObject({ fates: { heeded: 3 } });
    expect(field('ZPI-3')).toMatchObject({ fates: { kept: 1 } });
    expect(field('NK1-2')).toMatchObject({ fates: { unmapped: 1 } });
    expect(process.exitCode).toBe(0);
  });

  it('reads the messages of folders, and shows one line a segment', async () => {
    mkdirSync(join(folder, 'feed', 'east'), { recursive: true });
    for (const [at, text] of people.entries())
      writeFileSync(join(folder, 'feed', 'east', `${at}.hl7`), text.replaceAll('\n', '\r'));
    writeFileSync(join(folder, 'feed', 'notes.txt'), 'no message');
    const text = await ficus('coverage', join(folder, 'feed'));
    expect(text).toContain('3 messages, 0 not read: 3 ADT^A28');
    expect(text).toMatch(/^PID +3 +8 +4 +0 +1 +0 +3 +0 +0 +50 %$/m);
    expect(text).toMatch(
      /^PID-8 +mapped 1 of 2, refused 1 of 2 +unknown-code: code map administrative-sex$/m,
    );
    expect(text).not.toMatch(/^PID-5 /m);
  });

  it('measures the maps against the tables of the guide that their basis names', async () => {
    const tables = join(folder, 'guide', 'segments');
    mkdirSync(tables, { recursive: true });
    const row = (field: string, target: string) => `,${field},"a, b",,,,,,,${target}`;
    const csv = [
      'head',
      row('PID-5', 'name'),
      row('PID-8', 'gender'),
      row('PID-3', 'identifier[1]'),
      row('PID-30', ''),
      row('PV1-2', 'x'),
    ];
    writeFileSync(join(tables, 'HL7 Segment - FHIR R4_ PID[Patient] - Sheet1.csv'), csv.join('\r\n'));
    writeFileSync(join(tables, 'HL7 Segment - FHIR R4_ ZZZ[Basic] - Sheet1.csv'), row('ZZZ-1', 'code'));
    writeFileSync(
      join(folder, `${BASE.length}.yaml`),
      PID.replace('rows:', 'basis: v2-to-FHIR, segment PID[Patient]\nrows:'),
    );
    const text = await ficus('coverage', fileOf(people[0]!), '--quiet', '--tables', join(folder, 'guide'));
    expect(text).toMatch(/^PID\[Patient\] +4 +2 +1 +1 +PV1-2$/m);
    expect(text).toContain('2 of 4 rows mapped (50.0 %); no map answers for 1 tables');
  });
});
