import { describe, expect, it } from 'vitest';
import { readTree, writeTree } from '../../../src/mapping/run-map.ts';
import { compileWith, CONTEXT, hl7Text, hl7Tree, keepRows } from './support.ts';

const PID = `
map: PID <-> Patient
rows:
  - { v2: PID-3, fhir: id, as: key, of: Patient, key: id }
  - { v2: PID-3, fhir: identifier, each: CX <-> Identifier }
  - { v2: PID-5, fhir: name, each: XPN <-> HumanName }
  - { v2: PID-7, fhir: birthDate, as: date, upto: day }
  - { v2: PID-7, fhir: "_birthDate.extension('http://hl7.org/fhir/StructureDefinition/patient-birthTime').valueDateTime", as: dateTime, from: minute, key: time of birth }
  - { v2: PID-8, fhir: gender, code: administrative-sex }
  - { v2: PID-18, fhir: ~, keep: raw, why: belongs to Account }
  - { v2: PID-29, fhir: deceasedDateTime }
  - { v2: PID-30, fhir: deceasedBoolean, unless: PID-29 }
${keepRows('PID', 40, [3, 5, 7, 8, 18, 29, 30])}`;
const map = compileWith(PID).combined(['PID <-> Patient']);
const MESSAGE =
  'PID|1||100234^^^HOSP&1.2.3&ISO^MR~X9^^^OTHER^PI||Müller&von&Müller^Hans^Otto Emil^Jr^Dr^MD^L~Hansi^^^^^^N^^c||198003151230|A^Ambiguous||||||||||acc||||||||||||Y';

describe('a segment map', () => {
  it('reads a segment into a resource with its legacy key', () => {
    const { resource } = readTree(map, hl7Tree(MESSAGE), CONTEXT);
    expect(resource).toMatchObject({
      resourceType: 'Patient',
      id: 'HOSP|100234',
      identifier: [
        { value: '100234', system: 'urn:oid:1.2.3' },
        { value: 'X9', assigner: { display: 'OTHER' } },
      ],
      name: [
        { family: 'Müller', given: ['Hans', 'Otto', 'Emil'], suffix: ['Jr', 'MD'] },
        { use: 'nickname' },
      ],
      birthDate: '1980-03-15',
      gender: 'other',
      deceasedBoolean: true,
    });
  });

  it('reports what no row speaks of, what is kept, and an authority that is not registered', () => {
    const { loss } = readTree(map, hl7Tree(MESSAGE), CONTEXT);
    expect(loss).toEqual([
      { kind: 'unknown-authority', path: 'PID-3[2].4' },
      { kind: 'kept', path: 'PID-1', why: 'not of this test' },
      { kind: 'kept', path: 'PID-5[2].9', why: 'not mapped by the official table' },
      { kind: 'unmapped', path: 'PID-8.2' },
      { kind: 'kept', path: 'PID-18', why: 'belongs to Account' },
    ]);
  });

  it('writes back what it read without changing a byte', () => {
    const tree = hl7Tree(MESSAGE);
    const { resource } = readTree(map, tree, CONTEXT);
    expect(writeTree(map, resource!, tree, CONTEXT).loss).toEqual([]);
    expect(hl7Text(tree)).toBe(MESSAGE);
  });

  it('changes only the fields that changed, and says what is gone as a deletion', () => {
    const tree = hl7Tree(MESSAGE);
    const { resource } = readTree(map, tree, CONTEXT);
    const [first, nick] = resource!['name'] as [Record<string, string>, object];
    const { deceasedBoolean: _alive, ...rest } = resource!;
    writeTree(
      map,
      { ...rest, resourceType: 'Patient', name: [nick, { ...first, family: 'Meier' }] as never },
      tree,
      CONTEXT,
    );
    expect(hl7Text(tree)).toBe(
      MESSAGE.replace(
        '|Müller&von&Müller^Hans^Otto Emil^Jr^Dr^MD^L~Hansi^^^^^^N^^c|',
        '|Hansi^^^^^^N^^c~Meier&von&Müller^Hans^Otto Emil^Jr^Dr^MD^L|',
      ).replace(/Y$/, '""'),
    );
  });

  it('names the elements that the segment cannot carry', () => {
    const { loss } = writeTree(
      map,
      {
        resourceType: 'Patient',
        gender: 'male',
        photo: [{ url: 'x' }],
        name: [{ given: ['Ann', 'Mary Lou'] }],
      },
      hl7Tree(''),
      CONTEXT,
    );
    expect(loss).toEqual([
      { kind: 'not-carried', path: 'Patient.photo' },
      { kind: 'not-carried', path: 'Patient.name[0].given[1]' },
    ]);
  });
});
