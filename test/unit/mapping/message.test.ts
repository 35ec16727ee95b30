import { describe, expect, it } from 'vitest';
import { messageTree } from '../../../adapters/hl7v2/tree.ts';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import type { MappingSet } from '../../../src/mapping/mapping-set.ts';
import { readMessage, type MessageReading } from '../../../src/mapping/read-message.ts';
import { compileWith, CONTEXT } from './support.ts';

const DEFINED = `
definitions: segments of this test
segments:
  ZOR: [EI Order number, XCN* Ordered by, PL Place]
  ZIT: [CWE Code, ST Value, ST Sub-id]
  ZFL: [ST Text]
  ZMG: [CX* Prior identifier]
`;

const MAPS = [
  `
map: ZOR <-> DiagnosticReport
rows:
  - { v2: ZOR-1, fhir: identifier, each: EI <-> Identifier }
  - { v2: PID-3, fhir: subject, as: reference, of: Patient }
  - { v2: ZOR-2, fhir: performer, each: XCN <-> Reference(Practitioner) }
  - { v2: ZOR-3, fhir: ~, keep: raw, why: not of this test }
`,
  `
map: ZIT <-> Observation
rows:
  - { v2: ZIT-1, fhir: code, each: CWE <-> CodeableConcept }
  - { v2: ZIT-2, fhir: valueString }
  - { v2: ZIT-3, fhir: ~, keep: raw, why: part of the key }
`,
  `
map: ZFL <-> Specimen
rows:
  - { v2: ZFL-1, fhir: receivedTime, key: text }
`,
];

const MESSAGE = (refers: string) => `
message: ZRS_Z01
of: [ZRS^Z01]
structure:
  - MSH
  - PID
  - { group: ORDER*, of: [ZOR, { group: ITEM*, of: [ZIT, ZFL*] }] }
  - ZMG?
reads:
  - { resource: DiagnosticReport, in: ORDER, maps: [ZOR <-> DiagnosticReport], key: [[ZOR-1]], refers: ${refers} }
  - { as: item, resource: Observation, in: ORDER/ITEM, maps: [ZIT <-> Observation], mode: snapshot, key: [[ZOR-1, ZIT-1.1, ZIT-3]], refers: { specimen: sample } }
  - { as: sample, resource: Specimen, in: ORDER/ITEM/ZFL, maps: [ZFL <-> Specimen] }
mentions:
  - { resource: Practitioner, map: "XCN <-> Practitioner", fields: [ZOR-2] }
  - { resource: Location, map: "PL <-> Location", fields: [ZOR-3] }
merges:
  - { kind: merge, type: Patient, from: ZMG-1, into: PID-3 }
`;

const set = compileWith(DEFINED, ...MAPS, MESSAGE('{ result: item }'));

function read(
  mappings: MappingSet,
  defaultAuthority: string | undefined,
  ...segments: string[]
): MessageReading {
  const text = [
    'MSH|^~\\&|LAB|EAST|||20260102030405||ZRS^Z01|M1|P|2.5.1',
    'PID|||100^^^HOSP',
    ...segments,
  ].join('\r');
  const message = parseMessage(Buffer.from(text));
  const file = mappings.messages.get('ZRS_Z01')!;
  const { root } = file.group(message.segments.map(({ name }) => name));
  const context = defaultAuthority === undefined ? CONTEXT : { ...CONTEXT, defaultAuthority };
  return readMessage(file, messageTree(message, root, file.order), context);
}

/** `Observation HOSP|…` of each resource. */
const names = ({ resources }: MessageReading) =>
  resources.map(({ resource }) => `${resource?.resourceType} ${resource?.id}`);
const first = ({ resources }: MessageReading, type: string) =>
  resources.find((it) => it.resource?.resourceType === type)!.resource!;

const ORDER = ['ZOR|77^LAB|9^Adams^Ada^^^^^^LAB', 'ZIT|718-7^^LN|13.5', 'ZIT|718-7^^LN|13.6|b', 'ZFL|2026'];

describe('the resources of a message', () => {
  it('get the keys that the file makes of their fields, below the authority of the first', () => {
    expect(names(read(set, undefined, ...ORDER)).slice(0, 3)).toEqual([
      'DiagnosticReport LAB|77',
      'Observation LAB|77/718-7/',
      'Observation LAB|77/718-7/b',
    ]);
  });

  it("take the sender's authority where the number names none, and keep the words of one that is not registered", () => {
    expect(names(read(set, 'HOSP', 'ZOR|77')).at(0)).toBe('DiagnosticReport HOSP|77');
    expect(names(read(set, 'HOSP', 'ZOR|77^ELSE')).at(0)).toBe('DiagnosticReport HOSP|ELSE/77');
    expect(names(read(set, undefined, 'ZOR|77^ELSE')).at(0)).toBe('DiagnosticReport undefined');
  });

  it('keep parts of a key apart when they hold the mark between them', () => {
    const [one, other] = ['ZOR|7/7^LAB', 'ZOR|7^LAB'].map((order) =>
      names(read(set, 'HOSP', order, 'ZIT|7/a|x')).at(1),
    );
    expect(one).not.toBe(other);
    expect(one).toBe('Observation LAB|7%2F7/7%2Fa/');
  });

  it('that the same fields name twice are two, in their order', () => {
    const reading = read(
      set,
      'HOSP',
      'ZOR|77^LAB',
      'ZIT|note|first line',
      'ZIT|note|second line',
      'ZIT|note|third|b',
    );
    expect(names(reading).slice(1)).toEqual([
      'Observation LAB|77/note/',
      'Observation LAB|77/note//2',
      'Observation LAB|77/note/b',
    ]);
    expect(first(reading, 'DiagnosticReport')['result']).toHaveLength(3);
  });

  it('get a key of their place in the message where no field makes one', () => {
    expect(names(read(set, 'HOSP', 'ZOR|77^LAB', 'ZIT|a|x', 'ZFL|2026')).at(2)).toBe(
      'Specimen HOSP|LAB/EAST/M1/ORDER[1]/ITEM[1]/ZFL[1]',
    );
  });

  it('refer to each other: below the place first, one where the element takes one', () => {
    const reading = read(set, 'HOSP', ...ORDER, 'ZOR|78^LAB', 'ZIT|x|1', 'ZFL|2026', 'ZFL|2025');
    expect(first(reading, 'DiagnosticReport')['result']).toEqual([
      { reference: 'Observation/LAB|77/718-7/' },
      { reference: 'Observation/LAB|77/718-7/b' },
    ]);
    const specimens = reading.resources
      .filter(({ resource }) => resource?.resourceType === 'Observation')
      .map(({ resource }) => resource!['specimen']);
    // The first item has none of its own: its order has one. The last has two, and which it is of is not said.
    expect(specimens).toEqual([
      { reference: 'Specimen/HOSP|LAB/EAST/M1/ORDER[1]/ITEM[2]/ZFL[1]' },
      { reference: 'Specimen/HOSP|LAB/EAST/M1/ORDER[1]/ITEM[2]/ZFL[1]' },
      undefined,
    ]);
  });

  it('are mentioned by fields, once each, and referred to by their numbers', () => {
    const reading = read(
      set,
      'HOSP',
      'ZOR|77^LAB|9^Adams^Ada^^^^^^LAB~9^Adams^Ada^^^^^^LAB~5^Boole^Bea^^^^^^ELSE~^Nobody',
      'ZOR|78^LAB|9^Adams^^^^^^^LAB|ICU^1',
    );
    expect(names(reading).filter((name) => !name.startsWith('Diagnostic'))).toEqual([
      'Practitioner LAB|9',
      'Practitioner HOSP|ELSE/5',
      'Location HOSP|ICU^1',
    ]);
    expect(reading.resources.filter(({ mode }) => mode === 'mention').map(({ from }) => from)).toEqual([
      'ZOR-2',
      'ZOR-2[3]',
      'ZOR[2]-3',
    ]);
    const performers = first(reading, 'DiagnosticReport')['performer'] as { reference?: string }[];
    expect(performers.map(({ reference }) => reference)).toEqual([
      'Practitioner/LAB|9',
      'Practitioner/LAB|9',
      'Practitioner/HOSP|ELSE/5',
      undefined,
    ]);
  });

  it('say who becomes whom; whom nobody can tell is left open', () => {
    expect(read(set, undefined, 'ZMG|200^^^HOSP').identity).toEqual([
      { kind: 'merge', type: 'Patient', from: 'HOSP|200', into: 'HOSP|100' },
    ]);
    expect(read(set, undefined, 'ZMG|200^^^ELSE').identity).toEqual([
      { kind: 'merge', type: 'Patient', from: undefined, into: 'HOSP|100' },
    ]);
    expect(read(set, undefined, ...ORDER).identity).toEqual([]);
  });
});

describe('a message file', () => {
  it.each([
    ['{ results: item }', 'DiagnosticReport has no element results'],
    ['{ status: item }', 'status is no reference'],
    ['{ result: nobody }', 'there is no reading with the name nobody'],
  ])('with refers %s does not load', (refers, problem) => {
    expect(() => compileWith(DEFINED, ...MAPS, MESSAGE(refers))).toThrow(problem);
  });

  it.each([
    ['key: [[ZOR-1]]', 'key: [[ZOR-9]]', 'ZOR has no part 9'],
    ['fields: [ZOR-2]', 'fields: [ZOR-2.1]', 'ZOR-2.1 is no whole field'],
    ['from: ZMG-1', 'from: ZMX-1', 'no segment ZMX is defined'],
    [
      'resource: Location, map',
      'resource: Practitioner, map',
      'PL <-> Location makes a Location, not a Practitioner',
    ],
  ])('with %s instead of %s does not load', (right, wrong, problem) => {
    const file = MESSAGE('{ result: item }');
    expect(file).toContain(right);
    expect(() => compileWith(DEFINED, ...MAPS, file.replace(right, wrong))).toThrow(problem);
  });
});
