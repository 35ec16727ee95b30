import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringifyJson } from '../../../src/fhir/json.ts';
import type { Json } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import { readCase, runCase } from '../mapping-hl7v2/case-file.ts';

/** Cases as in test/golden/mapping-hl7v2 (case-file.ts says how they are written): orders, results, drugs, vaccinations. */
const cases = globSync('test/golden/mapping-orders/cases/*.case').toSorted().map(readCase);

/** As the identity Layer would: a key is no FHIR id. */
function withIds(resource: Json): Json {
  return JSON.parse(stringifyJson(resource).replaceAll(/(FARM|LAB)\|(?:[^"\\]|\\.)*/g, 'x')) as Json;
}

/** What a map of a part of a resource leaves to others. */
const PARTS = /^(obr-as-specimen|obx-laboratory|prt-device|drug|order-provenance|order-of-an-old-feed)/;

describe.each(cases)('$name', (it_) => {
  const outcome = runCase(it_);

  it('reads as the resource in the file', () => {
    expect(outcome.resources).toEqual(it_.resources);
    expect(outcome.readLoss).toEqual(it_.readLoss);
  });

  it('is valid FHIR', () => {
    const resources = Array.isArray(outcome.resources) ? outcome.resources : [outcome.resources];
    const issues = resources.flatMap((resource) => validateResource(withIds(resource)));
    expect(issues.filter(({ code }) => !(code === 'required' && PARTS.test(it_.name)))).toEqual([]);
  });

  it('does not change a byte when it is written back', () => {
    expect(outcome.rewritten).toEqual(it_.segments);
  });

  it.skipIf(!it_.maps)('is written onto nothing as the segments in the file', () => {
    expect(outcome.written).toEqual(it_.written);
    expect(outcome.writeLoss).toEqual(it_.writeLoss);
  });
});
