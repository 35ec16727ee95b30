import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text));
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
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
