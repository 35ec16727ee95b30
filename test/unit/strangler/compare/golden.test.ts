import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseJson } from '../../../../src/fhir/json.ts';
import type { Resource } from '../../../../src/fhir/types.ts';
import { comparableBody, type ComparableAnswer } from '../../../../src/strangler/compare/answer.ts';
import { compareAnswers } from '../../../../src/strangler/compare/compare.ts';
import { codeEquivalences } from '../../../../src/strangler/compare/options.ts';
import { createReferences } from '../../../../src/strangler/compare/references.ts';
import { shippedSeverities } from '../../../support/severities.ts';

// A new case is a file in test/golden/compare.

/** A side: the JSON text of a resource or Bundle, or a failure. */
type Answer = string | { readonly status: number; readonly code?: string };

interface CaseFile {
  readonly about: string;
  readonly sort?: readonly string[];
  readonly codes?: readonly (readonly string[])[];
  readonly mustSupport?: readonly string[];
  /** Rows of a site's severities. */
  readonly rows?: readonly unknown[];
  readonly legacy: Answer;
  readonly modern: Answer;
  /** `severity signature`, the worst first. */
  readonly expect: readonly string[];
}

const canonicalReference = createReferences({
  bases: ['https://api.example/fhir', 'http://svc.internal/r4/'],
});
const cases = globSync('test/golden/compare/*.yaml')
  .toSorted()
  .map((path) => [basename(path, '.yaml'), parse(readFileSync(path, 'utf8')) as CaseFile] as const);

function answerOf(answer: Answer, sort: readonly string[] = []): ComparableAnswer {
  const query = { sort: sort.map((name) => ({ name, descending: true })) };
  if (typeof answer === 'string')
    return comparableBody(200, { kind: 'resource', resource: parseJson(answer) as Resource }, query);
  const { status, code } = answer;
  if (code === undefined) return comparableBody(status, { kind: 'none' });
  const resource: Resource = { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] };
  return comparableBody(status, { kind: 'resource', resource });
}

describe('two answers', () => {
  it('are compared in every case of the folder', () => {
    expect(cases.length).toBeGreaterThanOrEqual(30);
  });

  it.each(cases)('%s', (_name, file) => {
    const type = file.mustSupport?.[0]?.split('.')[0];
    const options = {
      severities: shippedSeverities(...(file.rows ? [{ severities: 'site', rows: file.rows }] : [])),
      canonicalReference,
      codeMaps: codeEquivalences(file.codes ?? []),
      ...(type === undefined ? {} : { mustSupport: new Map([[type, new Set(file.mustSupport)]]) }),
    };
    const found = compareAnswers(answerOf(file.legacy, file.sort), answerOf(file.modern, file.sort), options);
    expect(found.map(({ severity, signature }) => `${severity} ${signature}`)).toEqual(file.expect);
  });
});
