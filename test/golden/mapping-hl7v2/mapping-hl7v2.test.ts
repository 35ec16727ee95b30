import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringifyJson } from '../../../src/fhir/json.ts';
import type { Json } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import { compileCondition } from '../../../src/mapping/condition.ts';
import { startRun } from '../../../src/mapping/run.ts';
import { descend, parseTreePath } from '../../../src/mapping/tree-path.ts';
import { CONTEXT, mappingsOf, readCase, runCase, treeOf } from './case-file.ts';

const cases = globSync('test/golden/mapping-hl7v2/cases/*.case').toSorted().map(readCase);

/** As the identity Layer would: a key is no FHIR id. */
function withIds(resource: Json): Json {
  return JSON.parse(stringifyJson(resource).replaceAll(/(FARM|LAB)\|[^"]*/g, 'x')) as Json;
}

describe.each(cases)('$name', (it_) => {
  const outcome = runCase(it_);

  it('reads as the resource in the file', () => {
    expect(outcome.resources).toEqual(it_.resources);
    expect(outcome.readLoss).toEqual(it_.readLoss);
  });

  it('is valid FHIR', () => {
    const resources = Array.isArray(outcome.resources) ? outcome.resources : [outcome.resources];
    expect(resources.flatMap((resource) => validateResource(withIds(resource)))).toEqual([]);
  });

  it('does not change a byte when it is written back', () => {
    expect(outcome.rewritten).toEqual(it_.segments);
  });

  it.skipIf(!it_.maps)('is written onto nothing as the segments in the file', () => {
    expect(outcome.written).toEqual(it_.written);
    expect(outcome.writeLoss).toEqual(it_.writeLoss);
  });
});

describe('the cases', () => {
  const set = mappingsOf(undefined);
  const maps = [
    'PID <-> Patient',
    'PID <-> RelatedPerson [mother]',
    'PD1 <-> Patient',
    'NK1 <-> RelatedPerson',
    'NK1 <-> Patient',
    'NK1 <-> Patient.contact',
    'PV1 <-> Encounter',
    'PV2 <-> Encounter',
  ];

  it.each(maps)('use every row of %s', (name) => {
    const covering = cases.filter((it_) =>
      it_.maps?.includes(name === 'NK1 <-> Patient.contact' ? 'NK1 <-> Patient' : name),
    );
    const trees = covering.map((it_) => treeOf(it_.segments));
    const { run } = startRun(CONTEXT);
    const unused = set.maps.get(name)!.rows.filter(({ row }) => {
      const when = [row.when, row.unless].map((text) => text && compileCondition(text, 'v2', undefined));
      return !trees.some(
        (tree) =>
          (!row.v2 || descend(tree, parseTreePath(row.v2, 'v2', undefined)).filled()) &&
          (!when[0] || when[0].holds(tree, run)) &&
          (!when[1] || !when[1].holds(tree, run)) &&
          row.only !== 'write',
      );
    });
    expect(
      unused.map(({ row }) => row.key ?? row.v2 ?? row.fhir).filter((key) => key !== 'PID-13 others'),
    ).toEqual([]);
  });
});
