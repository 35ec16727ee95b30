import { describe, expect, it } from 'vitest';
import { isJsonObject } from '../../../src/fhir/json.ts';
import { parseReference } from '../../../src/fhir/reference.ts';
import type { SearchFilter } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { compileFilters, type Match } from '../../../src/search/match.ts';
import { evaluable } from '../../../src/search/parameter.ts';
import { sortResources } from '../../../src/search/sort.ts';
import { linkedSearches, plainSearches } from './queries.ts';
import { fc, worlds } from './random.ts';
import { BASE, idsOf, NOW, projection, query, setOf, snapshot, UTC, type Known } from './support.ts';

/*
 * The same question put to SQL and to the evaluator that every answer of a legacy source passes through: both give the same resources,
 * in the same order, and count them alike.
 */

const RUNS = Number(process.env['FICUS_RUNS'] ?? 150);
const MATCHING = { zone: UTC, now: NOW, base: BASE };

/** A projection told of a world: each resource in a message of its own, then some of them again as they end up. */
function told(world: readonly Known[], earlier: readonly Known[]) {
  const it = projection();
  for (const resource of earlier) it.apply({ changes: [snapshot(resource)] });
  for (const resource of world) it.apply({ changes: [snapshot(resource)] });
  const known = world.map((resource) => it.reading.read(resource.resourceType, resource.id)!.resource);
  return { ...it, known };
}

/** Another state of some of the same resources, known before: what was true of them must not be found any more. */
const states = fc.tuple(worlds, worlds).map(([world, other]) => ({
  world,
  earlier: other.filter(({ resourceType, id }) =>
    world.some((it) => it.id === id && it.resourceType === resourceType),
  ),
}));

const local = (item: unknown): string | undefined => {
  const reference = isJsonObject(item as Known) ? (item as { reference?: unknown }).reference : undefined;
  const parsed = typeof reference === 'string' ? parseReference(reference) : undefined;
  if (parsed?.kind === 'relative' || (parsed?.kind === 'absolute' && parsed.base === BASE))
    return `${parsed.type}/${parsed.id}`;
  return undefined;
};

/** Chains by walking from resource to resource. */
function linked(filter: SearchFilter, known: readonly Resource[]): Match {
  const { chain, has, name } = filter;
  const matches = (type: string, inner: SearchFilter) => compileFilters(type, [inner], MATCHING);
  const targets = (resource: Resource, param: string) =>
    (evaluable(resource.resourceType, param)?.extract(resource) ?? []).map(local);
  if (chain) {
    const inner = matches(chain.targetType, chain.filter);
    const found = new Set(
      known
        .filter((it) => it.resourceType === chain.targetType && inner(it))
        .map(({ resourceType, id }) => `${resourceType}/${id}`),
    );
    return (resource) => targets(resource, name).some((it) => it !== undefined && found.has(it));
  }
  if (!has) throw new Error('no chain');
  const inner = matches(has.source, has.filter);
  const sources = known.filter((it) => it.resourceType === has.source && inner(it));
  return ({ resourceType, id }) =>
    sources.some((it) => targets(it, has.param).includes(`${resourceType}/${id}`));
}

describe('SQL and the evaluator agree', () => {
  it('on what is found, its order and its number', async () => {
    await fc.assert(
      fc.asyncProperty(
        states,
        fc.array(plainSearches, { minLength: 1, maxLength: 12 }),
        async ({ world, earlier }, searches) => {
          const { backend, known, database } = told(world, earlier);
          for (const { type, filters, sort } of searches) {
            const asked = query(type, sort === '' ? filters : `${filters}&${sort}`);
            const keeps = compileFilters(type, asked.filters, MATCHING);
            const expected = known.filter((it) => it.resourceType === type && keeps(it));
            const ids = await idsOf(backend, type, `${filters}&_count=2${sort === '' ? '' : `&${sort}`}`);
            const all = sortResources(type, expected, asked.sort, UTC).map(({ id }) => id);
            expect(sort === '' ? ids.toSorted() : ids, `${type}?${filters}&${sort}`).toEqual(all);
            const counted = await setOf(backend, { ...asked, summary: 'count' });
            expect(counted.total, `total of ${type}?${filters}`).toBe(all.length);
          }
          database.close();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('on chains in both directions', async () => {
    await fc.assert(
      fc.asyncProperty(
        states,
        fc.array(linkedSearches, { minLength: 1, maxLength: 12 }),
        async ({ world, earlier }, searches) => {
          const { backend, known, database } = told(world, earlier);
          for (const { type, filter, inner, param, backwards } of searches) {
            const text = backwards ? `_has:${inner}:${param}:${filter}` : `${param}:${inner}.${filter}`;
            const [parsed] = query(type, text).filters;
            const keeps = linked(parsed!, known);
            const expected = known.filter((it) => it.resourceType === type && keeps(it)).map(({ id }) => id);
            expect((await idsOf(backend, type, text)).toSorted(), `${type}?${text}`).toEqual(
              expected.toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
            );
          }
          database.close();
        },
      ),
      { numRuns: RUNS },
    );
  });
});
