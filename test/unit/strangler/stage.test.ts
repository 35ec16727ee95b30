import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/fhir/types.ts';
import type { Stage } from '../../../src/ports.ts';
import {
  backendOf,
  isTwoSided,
  sideOf,
  wiringProblem,
  wiringProblems,
} from '../../../src/strangler/stage.ts';
import type { BackendCapability } from '../../../src/strangler/stage.ts';

const BACKENDS = new Map<string, BackendCapability>(
  [
    { name: 'core', kind: 'legacy', endpoints: ['A.search', 'A.create'] } as const,
    { name: 'reader', kind: 'legacy', endpoints: ['A.search'] } as const,
    { name: 'new', kind: 'modern', endpoints: ['A.search', 'A.create', 'A.update'] } as const,
    { name: 'unable', kind: 'modern', endpoints: ['A.search', 'A.create'] } as const,
  ].map((one) => [one.name, one]),
);

type Row = readonly [
  endpoint: Endpoint,
  wired: { legacy?: string; modern?: string },
  stage: Stage,
  problem: string | undefined,
];

const NO_MODERN = 'A.search has no modern backend';
const NO_LEGACY = 'A.search has no legacy backend';
const UNTOLD = 'backend "unable" cannot do A.update, by which it is told of writes that legacy accepts';

const ROWS: readonly Row[] = [
  ['A.search', { legacy: 'core' }, 'legacy', undefined],
  ['A.search', { legacy: 'core' }, 'shadow', NO_MODERN],
  ['A.search', { legacy: 'core' }, 'canary', NO_MODERN],
  ['A.search', { legacy: 'core' }, 'modern', NO_MODERN],
  ['A.search', { legacy: 'core' }, 'retired', NO_MODERN],
  ['A.search', { modern: 'new' }, 'legacy', NO_LEGACY],
  ['A.search', { modern: 'new' }, 'shadow', NO_LEGACY],
  ['A.search', { modern: 'new' }, 'canary', NO_LEGACY],
  ['A.search', { modern: 'new' }, 'modern', undefined],
  ['A.search', { modern: 'new' }, 'retired', undefined],
  ['A.search', { legacy: 'core', modern: 'unable' }, 'shadow', undefined],
  ['A.search', { legacy: 'core', modern: 'nowhere' }, 'shadow', 'there is no backend "nowhere"'],
  ['A.search', { legacy: 'core', modern: 'core' }, 'canary', 'backend "core" is of kind legacy, not modern'],
  ['A.update', { legacy: 'core', modern: 'new' }, 'legacy', 'backend "core" cannot do A.update'],
  // A write that modern cannot be told of would leave it behind for good.
  ['A.create', { legacy: 'core', modern: 'unable' }, 'legacy', undefined],
  ['A.create', { legacy: 'core', modern: 'unable' }, 'shadow', UNTOLD],
  ['A.create', { legacy: 'core', modern: 'unable' }, 'canary', UNTOLD],
  ['A.create', { legacy: 'core', modern: 'unable' }, 'modern', UNTOLD],
  ['A.create', { legacy: 'core', modern: 'unable' }, 'retired', undefined],
  ['A.create', { modern: 'unable' }, 'modern', undefined],
  ['A.create', { legacy: 'core', modern: 'new' }, 'shadow', undefined],
  ['A.create', { legacy: 'core', modern: 'new' }, 'canary', undefined],
  [
    'A.create',
    { legacy: 'reader', modern: 'new' },
    'modern',
    'backend "reader" cannot do A.create, by which it is told of writes that modern accepts',
  ],
];

describe('what a stage needs of the backends', () => {
  it.each(ROWS)('%s wired %o in %s: %s', (endpoint, wired, stage, problem) => {
    expect(wiringProblem({ endpoint, body: 'validated', ...wired }, stage, BACKENDS)).toBe(problem);
  });

  it('is said of both sides at once', () => {
    const wired = { endpoint: 'A.search', body: 'validated', legacy: 'gone', modern: 'lost' } as const;
    expect(wiringProblems(wired, 'shadow', BACKENDS)).toEqual([
      { side: 'legacy', message: 'there is no backend "gone"' },
      { side: 'modern', message: 'there is no backend "lost"' },
    ]);
  });
});

describe('a stage', () => {
  const both = { endpoint: 'A.search', legacy: 'core', modern: 'new', body: 'validated' } as const;

  it.each([
    ['legacy', 'legacy', false],
    ['shadow', 'legacy', true],
    ['canary', 'legacy', true],
    ['modern', 'modern', true],
    ['retired', 'modern', false],
  ] as const)('%s is answered by %s; both sides at work: %s', (stage, side, twoSided) => {
    expect(sideOf(stage)).toBe(side);
    expect(backendOf(both, stage)).toBe(both[side]);
    expect(isTwoSided({ ...both, stage })).toBe(twoSided);
    expect(isTwoSided({ stage, legacy: 'core' })).toBe(false);
    expect(isTwoSided({ stage, modern: 'new' })).toBe(false);
  });
});
