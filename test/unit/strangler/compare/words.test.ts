import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../../src/fhir/json.ts';
import type { Resource } from '../../../../src/fhir/types.ts';
import { comparableBody } from '../../../../src/strangler/compare/answer.ts';
import { compareAnswers } from '../../../../src/strangler/compare/compare.ts';
import { describe as told, sentenceOf } from '../../../../src/strangler/compare/words.ts';
import { shippedSeverities } from '../../../support/severities.ts';

const options = { severities: shippedSeverities() };
const resource = (json: string): Resource => parseJson(json) as Resource;

/** What is told of the worst difference between two resources. */
function worst(legacy: string, modern: string): string {
  const [before, after] = [resource(legacy), resource(modern)];
  const answer = (of: Resource) => comparableBody(200, { kind: 'resource', resource: of });
  const [difference] = compareAnswers(answer(before), answer(after), options);
  return told(difference!, before, after);
}

describe('a difference', () => {
  it.each([
    [{ path: 'Observation.valueQuantity.unit', kind: 'changed' }, 'Observation.valueQuantity.unit changed'],
    [{ path: 'Observation.status', kind: 'missing' }, 'Observation.status is missing'],
    [{ path: 'Bundle.entry', kind: 'extra', detail: 'Patient' }, 'Bundle.entry is extra: Patient'],
    [{ path: 'Bundle.entry', kind: 'order' }, 'Bundle.entry comes in another order'],
  ] as const)('without values: %o', (difference, sentence) => {
    expect(sentenceOf(difference)).toBe(sentence);
  });

  it.each([
    [
      '{"resourceType":"Observation","valueQuantity":{"value":5.40,"unit":"mmol/L"}}',
      '{"resourceType":"Observation","valueQuantity":{"value":5.40,"unit":"mg/dL"}}',
      '5.40 mmol/L became 5.40 mg/dL',
    ],
    [
      '{"resourceType":"Observation","valueQuantity":{"value":5,"comparator":"<","unit":"mmol/L"}}',
      '{"resourceType":"Observation","valueQuantity":{"value":5,"unit":"mmol/L"}}',
      '< 5 mmol/L became 5 mmol/L',
    ],
    [
      '{"resourceType":"Observation","status":"amended"}',
      '{"resourceType":"Observation","status":"final"}',
      'amended became final',
    ],
    [
      '{"resourceType":"Observation","status":"amended"}',
      '{"resourceType":"Observation"}',
      'amended is missing',
    ],
    [
      '{"resourceType":"Patient","identifier":[{"system":"urn:a","value":"1"}]}',
      '{"resourceType":"Patient","identifier":[{"system":"urn:a","value":"2"}]}',
      '1 (urn:a) became 2 (urn:a)',
    ],
    [
      '{"resourceType":"Condition","code":{"coding":[{"system":"urn:a","code":"1","display":"One"}]}}',
      '{"resourceType":"Condition","code":{"coding":[{"system":"urn:a","code":"2","display":"Two"}]}}',
      '1 (One, urn:a) became 2 (Two, urn:a)',
    ],
    [
      '{"resourceType":"Patient","name":[{"given":["Eva"],"family":"Huber"},{"given":["Eva"],"family":"Maier"}]}',
      '{"resourceType":"Patient","name":[{"given":["Eva"],"family":"Huber"}]}',
      'Eva Maier is missing',
    ],
  ])('with its values: %s', (legacy, modern, sentence) => {
    expect(worst(legacy, modern)).toBe(sentence);
  });

  it('of a set is told of the entry that differs', () => {
    const of = (id: string, status: string): Resource => ({ resourceType: 'Observation', id, status });
    const difference = { path: 'Observation.status', kind: 'changed' } as const;
    const legacy = [of('a', 'final'), of('b', 'amended')];
    expect(told(difference, legacy, [of('b', 'final'), of('a', 'final')])).toBe('amended became final');
    expect(told(difference, legacy, [])).toBe('Observation.status changed');
  });
});
