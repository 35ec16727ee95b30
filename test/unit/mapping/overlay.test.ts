import { describe, expect, it } from 'vitest';
import { describeRow, explain } from '../../../src/mapping/explain.ts';
import { compileMappings } from '../../../src/mapping/mapping-set.ts';
import { MappingProblems } from '../../../src/mapping/problem.ts';
import { readTree } from '../../../src/mapping/run-map.ts';
import { BASE, CONTEXT, hl7Tree, keepRows } from './support.ts';

const PID = `map: PID <-> Patient
rows:
  - { v2: PID-5, fhir: name, each: XPN <-> HumanName }
  - { v2: PID-8, fhir: gender, code: administrative-sex }
  - { v2: PID-19, fhir: identifier.value }
${keepRows('PID', 40, [5, 8, 19])}`;
const ZPI = 'definitions: site\nsegments:\n  ZPI: [ST nickname, ST shoe size]\n';

const compile = (...overlays: string[]) =>
  compileMappings([
    ...BASE,
    { path: 'base/pid.yaml', text: PID },
    { path: 'site/definitions.yaml', text: ZPI },
    ...overlays.map((text, at) => ({ path: `site/${at}.yaml`, text })),
  ]);

const OVERLAY = `overlay: PID <-> Patient
by: A. Example
segments: [ZPI]
rows:
  - { row: PID-19, v2: PID-19, fhir: ~, keep: raw, why: not shown here }
  - { row: PID-23, remove: true, why: said below }
  - { v2: PID-23, fhir: "extension('http://hl7.org/fhir/StructureDefinition/patient-birthPlace').valueAddress.city" }
  - { v2: ZPI-1, fhir: name, each: ST <-> HumanName }
  - { v2: ZPI-2, fhir: ~, drop: true, why: nobody needs it, by: A. Example }
`;
const ST = 'map: ST <-> HumanName\nrows:\n  - { v2: ST, fhir: text }\n  - { fhir: use, const: nickname }\n';

describe('an overlay', () => {
  it('replaces, removes and adds rows, and answers for further segments', () => {
    const set = compile(ST, OVERLAY);
    const tree = hl7Tree(`PID|||||Jones||||||||||||||123||||Bonn\nZPI|Jo|44`);
    const { resource, loss } = readTree(set.combined(['PID <-> Patient']), tree, CONTEXT);
    expect(resource).toEqual({
      resourceType: 'Patient',
      name: [{ family: 'Jones' }, { text: 'Jo', use: 'nickname' }],
      extension: [
        { url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueAddress: { city: 'Bonn' } },
      ],
    });
    expect(loss).toEqual([
      { kind: 'kept', path: 'PID-19', why: 'not shown here' },
      { kind: 'dropped', path: 'ZPI-2', why: 'nobody needs it' },
    ]);
  });

  it('says where the row that wins came from', () => {
    const [winner] = explain(compile(ST, OVERLAY), 'PID-19');
    expect(winner!.row.origin).toEqual({ file: 'site/1.yaml', line: 5, overlay: 'A. Example' });
    expect(describeRow(winner!.row)).toBe('{ v2: PID-19, fhir: null, keep: raw, why: not shown here }');
    expect(explain(compile(ST, OVERLAY), 'Patient.gender')[0]!.row.origin).toEqual({
      file: 'base/pid.yaml',
      line: 4,
    });
  });

  it('names rows that exist, once', () => {
    const overlay = (row: string) =>
      `overlay: PID <-> Patient\nby: x\nrows:\n  - { row: ${row}, remove: true, why: x }\n`;
    expect(() => compile(overlay('PID-99'))).toThrow(/site\/0.yaml:4 rows\[0\].row: no row PID-99/);
    expect(() => compile(overlay('PID-8').replace('PID <-> Patient', 'PIX <-> Patient'))).toThrow(
      /there is no map PIX <-> Patient/,
    );
    expect(() => compile(overlay('PID-8'))).toThrow(
      /PID-8 \(administrative sex\) is neither mapped nor kept nor dropped/,
    );
  });

  it('of a code map replaces rows with the same legacy code', () => {
    const set = compile(
      'overlayCodes: administrative-sex\nby: x\nrows:\n  - { v2: U, fhir: other, only: read }\n  - { v2: "1", fhir: male, only: read }\n',
    );
    const map = set.combined(['PID <-> Patient']);
    const gender = (code: string) =>
      readTree(map, hl7Tree(`PID||||||||${code}`), CONTEXT).resource?.['gender'];
    expect(['1', 'U', 'F', 'A'].map(gender)).toEqual(['male', 'other', 'female', 'other']);
  });

  it('that leaves two codes for one is refused', () => {
    expect(() =>
      compile('overlayCodes: administrative-sex\nby: x\nrows:\n  - { v2: "1", fhir: male }\n'),
    ).toThrow(MappingProblems);
  });
});
