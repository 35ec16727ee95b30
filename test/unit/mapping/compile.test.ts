import { describe, expect, it } from 'vitest';
import { compileMappings } from '../../../src/mapping/mapping-set.ts';
import { MappingProblems } from '../../../src/mapping/problem.ts';
import { BASE } from './support.ts';

/** The problems of one further file, as `line path: message`. */
function problemsOf(text: string): string[] {
  try {
    compileMappings([...BASE, { path: 'x.yaml', text }]);
    return [];
  } catch (error) {
    if (!(error instanceof MappingProblems)) throw error;
    return error.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
  }
}

const row = (text: string): string[] => problemsOf(`map: PID <-> Patient\npart: true\nrows:\n  - ${text}\n`);

describe('what a map says of updates', () => {
  const rule = (text: string): string[] =>
    problemsOf(
      `map: PID <-> Patient\npart: true\nupdates:\n  - ${text}\nrows:\n  - { v2: PID-7, fhir: birthDate, as: date, upto: day }\n`,
    ).filter((it) => it.includes('updates'));

  it.each([
    ['{ clears: [nmae], why: x }', '4 updates[0]: FHIR R4 Patient has no element nmae'],
    ['{ yields: { name: { nmae: [x] } }, why: x }', '4 updates[0]: FHIR R4 Patient has no element nmae'],
    ['{ yields: { nmae: true }, why: x }', '4 updates[0]: FHIR R4 Patient has no element nmae'],
    ['{ when: "PID-7 =", clears: [name], why: x }', '4 updates[0]: expected a value in condition: PID-7 ='],
    [
      '{ removes: { from: name, each: PID <-> Nothing, by: [family] }, why: x }',
      '4 updates[0]: there is no map PID <-> Nothing, or it needs itself',
    ],
    [
      '{ removes: { from: address, each: XPN <-> HumanName, by: [family] }, why: x }',
      '4 updates[0]: XPN <-> HumanName makes a HumanName, not a Address',
    ],
    [
      '{ removes: { from: name, each: XPN <-> HumanName, by: [fmily] }, why: x }',
      '4 updates[0]: FHIR R4 HumanName has no element fmily',
    ],
    ['{ yields: { active: 1 }, why: x }', '4 updates[0].yields.active: Invalid input'],
  ])('%s is wrong', (text, problem) => expect(rule(text)).toContain(problem));

  it('says why', () => expect(rule('{ clears: [name] }')).toHaveLength(1));

  it('is sound', () => expect(rule('{ clears: ["name.where(use=\'old\')"], why: x }')).toEqual([]));
});

describe('a mapping file', () => {
  it.each([
    ['{ v2: PID-5, fhir: nmae, each: XPN <-> HumanName }', '4 rows[0]: FHIR R4 Patient has no element nmae'],
    ['{ v2: PID-41, fhir: gender, code: administrative-sex }', '4 rows[0]: PID has no part 41'],
    ['{ v2: PID-5.1.6, fhir: gender }', '4 rows[0]: FN has no part 6'],
    ['{ v2: ZZZ-1, fhir: gender }', '4 rows[0]: no segment ZZZ is defined'],
    ['{ v2: PID-5, fhir: name }', '4 rows[0]: name is a HumanName: say how with each, code or via'],
    [
      '{ v2: PID-5, fhir: name, each: XPN <-> Nobody }',
      '4 rows[0]: there is no map XPN <-> Nobody, or it needs itself',
    ],
    [
      '{ v2: PID-5, fhir: identifier, each: XPN <-> HumanName }',
      '4 rows[0]: XPN <-> HumanName makes a HumanName, not a Identifier',
    ],
    ['{ v2: PID-3, fhir: name, each: XPN <-> HumanName }', '4 rows[0]: PID-3 is a CX, not a XPN'],
    ['{ v2: PID-8, fhir: gender, code: no-such-map }', '4 rows[0]: there is no code map no-such-map'],
    [
      '{ v2: PID-8, fhir: gender, code: identifier-type }',
      '4 rows[0]: code map identifier-type keeps unknown codes, which a plain code cannot hold',
    ],
    ['{ v2: PID-7, fhir: birthDate, as: boolean }', '4 rows[0]: as: boolean does not make a date'],
    ['{ v2: PID-7, fhir: birthDate, when: PID-7 = }', '4 rows[0]: expected a value in condition: PID-7 ='],
    [
      `{ v2: PID-7, fhir: birthDate, when: "PID-7 != '\\"\\"'" }`,
      `4 rows[0]: "" is compared by = alone: PID-7 != '""'`,
    ],
    [
      `{ v2: PID-7, fhir: birthDate, when: "PID-3[2] = '\\"\\"'" }`,
      `4 rows[0]: only a whole field is deleted: PID-3[2] = '""'`,
    ],
    [
      '{ v2: PID-13, fhir: "telecom.where(colour=\'red\')", each: XTN <-> ContactPoint }',
      '4 rows[0]: FHIR R4 ContactPoint has no element colour (in where)',
    ],
    ['{ v2: PID-5, fhir: name, each: XPN <-> HumanName, size: 3 }', '4 rows[0]: unknown key size'],
    [
      '{ v2: PID-18, fhir: ~ }',
      '4 rows[0].fhir: a row with one side is a const, kept raw, or dropped with a reason',
    ],
    [
      '{ v2: PID-18, fhir: ~, drop: true, why: nobody needs it }',
      '4 rows[0].by: what is dropped has a name under it',
    ],
    ['{ v2: PID-18, fhir: ~, keep: raw }', '4 rows[0].why: what is kept or dropped says why'],
    [
      '{ v2: PID-8, fhir: gender, code: administrative-sex, only: read }',
      '4 rows[0].why: a one-way row says why',
    ],
    [
      '{ v2: PID-8, fhir: gender, code: administrative-sex, as: code }',
      '4 rows[0].code: code goes alone or with each',
    ],
  ])('refuses %s', (text, problem) => {
    expect(row(text)).toEqual([problem]);
  });

  it('tells every problem at once', () => {
    const text =
      'map: PID <-> Patient\npart: true\nrows:\n  - { v2: PID-99, fhir: gender }\n  - { v2: PID-8, fhir: sex }\n';
    expect(problemsOf(text)).toEqual([
      '4 rows[0]: PID has no part 99',
      '5 rows[1]: FHIR R4 Patient has no element sex',
    ]);
  });

  it('must speak of every field of its segment', () => {
    const text = 'map: PD1 <-> Patient\nrows:\n  - { v2: PD1-1, fhir: ~, keep: raw, why: x }\n';
    const problems = problemsOf(text);
    expect(problems).toHaveLength(22);
    expect(problems[0]).toBe('1 : PD1-2 (living arrangement) is neither mapped nor kept nor dropped');
  });

  it('refuses duplicate keys, unknown kinds and a second declaration', () => {
    expect(problemsOf('map: PID <-> Patient\nmap: x\n')[0]).toMatch(/^2 : Map keys must be unique/);
    expect(problemsOf('maps: PID\n')[0]).toMatch(/^1 : has none of the keys/);
    expect(problemsOf(BASE.find(({ path }) => path.endsWith('DR-Period.yaml'))!.text)).toEqual([
      '1 map: DR <-> Period is declared twice',
    ]);
  });

  it('refuses maps that need each other', () => {
    expect(
      problemsOf(
        'map: CX <-> Identifier [a]\npart: true\nrows:\n  - { v2: CX, fhir: assigner.identifier, each: "CX <-> Identifier [a]" }\n',
      ),
    ).toEqual(['4 rows[0]: there is no map CX <-> Identifier [a], or it needs itself']);
  });
});

describe('an interaction', () => {
  it('names maps, code maps and messages that exist', () => {
    const text = `interaction: Patient.search
adapter: hl7v2
request: { message: QBP^Q22 }
params:
  gender: { field: "@PID.8", code: nothing }
response: { structure: RSP_X, each: { in: QUERY_RESPONSE, maps: [PIX <-> Patient] } }
`;
    expect(problemsOf(text)).toEqual([
      '6 response.each.maps: there is no map PIX <-> Patient',
      '6 response.structure: there is no message file RSP_X',
      '5 params.gender.code: there is no code map nothing',
    ]);
  });
});

describe('a code map', () => {
  it('says which code it prefers where several correspond', () => {
    const text = (prefer: string) =>
      `codes: colours\nunknown: refuse\nrows:\n  - { v2: R, fhir: red${prefer} }\n  - { v2: X, fhir: red }\n`;
    expect(problemsOf(text(''))).toEqual([
      '5 rows[1]: red is written as several legacy codes: say which with prefer: write',
    ]);
    expect(problemsOf(text(', prefer: write'))).toEqual([]);
  });

  it('needs one reading of each legacy code', () => {
    const text =
      'codes: colours\nunknown: refuse\nrows:\n  - { v2: R, fhir: red }\n  - { v2: R, fhir: rose }\n';
    expect(problemsOf(text)).toEqual([
      '5 rows[1]: R reads as several FHIR codes: say which with prefer: read',
    ]);
  });
});

describe('a set of mappings', () => {
  it('has a version that follows its content', () => {
    const version = (text: string) => compileMappings([...BASE, { path: 'y.yaml', text }]).version;
    const codes = (v2: string) => `codes: one\nunknown: refuse\nrows:\n  - { v2: ${v2}, fhir: a }\n`;
    expect(version(codes('A'))).toBe(version(codes('A')));
    expect(version(codes('A'))).not.toBe(version(codes('B')));
  });
});
