import type { Resource } from '../../src/fhir/types.ts';
import type { Difference } from '../../src/migration-ports.ts';
import type { ComparableAnswer, ComparableSet } from '../../src/strangler/compare/answer.ts';
import { compareAnswers } from '../../src/strangler/compare/compare.ts';
import { codeEquivalences, type CompareOptions } from '../../src/strangler/compare/options.ts';
import { createReferences } from '../../src/strangler/compare/references.ts';
import type { Severities } from '../../src/strangler/compare/severity.ts';
import { SET_FAULTS } from './faults-of-sets.ts';
import { FAULTS } from './faults.ts';
import { BASES, CODE_GROUPS, REWRITINGS, SET_REWRITINGS } from './harmless.ts';
import { createRandom } from './random.ts';
import { resourceOf, resultsOf } from './resources.ts';

/** One case of the catalogue, run with one seed. */
export interface Outcome {
  readonly name: string;
  readonly harmless: boolean;
  /** A planted fault was found where it is, with its severity, and nothing worse; of a harmless rewriting nothing was reported. */
  readonly right: boolean;
  readonly differences: readonly Difference[];
}

/** How the catalogue is compared: an installation with its bases and code maps. */
export function catalogueOptions(severities: Severities): CompareOptions {
  return {
    severities,
    canonicalReference: createReferences({ bases: BASES }),
    codeMaps: codeEquivalences(CODE_GROUPS),
  };
}

/** Runs every fault and every harmless rewriting with one seed, both alone and as one of a search's entries. */
export function runCatalogue(seed: number, options: CompareOptions): Outcome[] {
  const random = createRandom(seed);
  const set = searchOf(seed);
  const compare = (legacy: ComparableAnswer, modern: ComparableAnswer) =>
    compareAnswers(legacy, modern, options);
  return [
    ...FAULTS.map(({ name, on, plant, ...expected }) => {
      const legacy = resourceOf(on, seed);
      const differences = compare(single(legacy), single(plant(legacy, random)));
      return { name, harmless: false, right: isFound(differences, expected), differences };
    }),
    ...SET_FAULTS.map(({ name, plant, ...expected }) => {
      const differences = compare(set, plant(set, random));
      return { name, harmless: false, right: isFound(differences, expected), differences };
    }),
    ...REWRITINGS.flatMap(({ name, on, rewrite }) =>
      on.map((subject) => {
        const legacy = resourceOf(subject, seed);
        const differences = compare(single(legacy), single(rewrite(legacy, random)));
        return { name, harmless: true, right: differences.length === 0, differences };
      }),
    ),
    ...SET_REWRITINGS.map(({ name, rewrite }) => {
      const differences = compare(set, rewrite(set, random));
      return { name, harmless: true, right: differences.length === 0, differences };
    }),
  ];
}

/** A sorted search for results, the first three of one moment, with what it includes. */
export function searchOf(seed: number, count = 12): ComparableSet {
  const matches = resultsOf(count, seed).map((it, at) =>
    at < 3 ? { ...it, effectiveDateTime: '2026-03-01T00:00:00Z' } : it,
  );
  const included = [resourceOf('Patient', seed), resourceOf('Encounter', seed)];
  return { kind: 'set', matches, included, total: count, complete: true, sorted: true, sortedBy: ['date'] };
}

function single(resource: Resource): ComparableAnswer {
  return { kind: 'resource', resource };
}

function isFound(
  differences: readonly Difference[],
  expected: { readonly path: string; readonly severity: string },
): boolean {
  const [worst] = differences;
  const there = differences.some((it) => it.path === expected.path && it.severity === expected.severity);
  return there && worst?.severity === expected.severity;
}
