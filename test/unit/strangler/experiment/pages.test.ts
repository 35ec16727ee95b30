import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import type { SearchSet } from '../../../../src/fhir/search-query.ts';
import type { Resource } from '../../../../src/fhir/types.ts';
import type { FhirRequest, FhirResponse } from '../../../../src/ports.ts';
import { answer, query, search } from '../../resilience/support.ts';
import { parseNothing, piped, rig } from './support.ts';
import type { Script } from './support.ts';

const names = (count: number, from = 0): Resource[] =>
  Array.from({ length: count }, (_, nth) => ({ resourceType: 'Patient', id: `p${from + nth}` }));

const set = (matches: readonly Resource[], more: Partial<SearchSet> = {}): FhirResponse => ({
  status: 200,
  headers: {},
  servedBy: 'legacy:core',
  body: { kind: 'searchset', set: { matches, included: [], issues: [], ...more } },
});

const bundle = (matches: readonly Resource[], next?: string, more: object = {}): FhirResponse =>
  piped({
    resourceType: 'Bundle',
    type: 'searchset',
    ...(next === undefined ? {} : { link: [{ relation: 'next', url: next }] }),
    entry: matches.map((resource) => ({ resource, search: { mode: 'match' } })),
    ...more,
  });

/** Legacy in pages of `size`, going on by a token. */
const legacyPages =
  (all: readonly Resource[], size: number): Script =>
  ({ query: asked }) => {
    const at = Number(asked?.page ?? 0);
    return set(all.slice(at, at + size), at + size < all.length ? { next: String(at + size) } : {});
  };

/** Modern in pages of `size`, going on by a parameter of its own. */
const modernPages =
  (all: readonly Resource[], size: number): Script =>
  ({ query: asked }) => {
    const at = Number(asked?.applied.find(([name]) => name === '_offset')?.[1] ?? 0);
    const next = at + size < all.length ? `http://ficus/fhir/Patient?name=x&_offset=${at + size}` : undefined;
    return bundle(all.slice(at, at + size), next);
  };

const REQUEST: FhirRequest = search({ ...query('Patient'), applied: [['name', 'x']] });
const LIMITS = { concurrency: 4, perSecond: 1_000, maxBytes: 100_000 };

async function verdictOf(
  scripts: { readonly legacy: Script; readonly modern: Script },
  more: Parameters<typeof rig>[1] = {},
) {
  const lab = rig(scripts, { limits: LIMITS, ...more });
  const context = undefined as never;
  const response = await scripts.legacy(REQUEST, context, 0);
  lab.tell({ request: REQUEST, outcome: { response }, shape: 'name' });
  await lab.end();
  const [seen] = lab.evidence.comparisons;
  return { lab, seen, words: seen?.why === undefined ? seen?.verdict : `${seen.verdict}: ${seen.why}` };
}

describe('a search with pages', () => {
  it('is compared whole, however each side cuts it', async () => {
    const all = names(50);
    const { lab, words } = await verdictOf({ legacy: legacyPages(all, 20), modern: modernPages(all, 15) });
    expect(words).toBe('match');
    // The first page of legacy was at hand.
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([2, 4]);
  });

  it('differs when the difference is on a later page', async () => {
    const all = names(50);
    const legacy = legacyPages(all, 20);
    const { words, seen } = await verdictOf({ legacy, modern: modernPages(all.slice(0, -1), 20) });
    expect([words, seen?.differences.map(({ path }) => path)]).toEqual(['different', ['entries']]);
  });

  it('is compared with what its pages include, each once', async () => {
    const included = (id: string): Resource => ({ resourceType: 'Organization', id });
    const whole = { included: [included('o1'), included('o2')] };
    const entry = (resource: Resource) => ({ resource, search: { mode: 'include' } });
    const modern: Script = ({ query: asked }) =>
      asked?.applied.length === 1 && asked.applied[0]?.[0] === '_offset'
        ? bundle([], undefined, { entry: [entry(included('o1')), entry(included('o2'))] })
        : bundle([], 'http://ficus/fhir/Patient?_offset=1', { entry: [{ resource: names(1)[0] }, entry(included('o1'))] }); // prettier-ignore
    expect((await verdictOf({ legacy: () => set(names(1), whole), modern })).words).toBe('match');
  });

  it('is not followed for ever: what is too large is not called even', async () => {
    const all = names(500);
    const scripts = { legacy: legacyPages(all, 50), modern: modernPages(all, 40) };
    const { lab, words } = await verdictOf(scripts, { maxResources: 100, compare: () => [] });
    expect(words).toBe('not-comparable: too-many');
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([1, 3]);
  });

  it('is even when both sides give the same to where it is followed', async () => {
    const all = names(500);
    const scripts = { legacy: legacyPages(all, 50), modern: modernPages(all, 25) };
    expect((await verdictOf(scripts, { maxResources: 100 })).words).toBe('match');
  });

  it('ends with a side that goes on for ever with nothing', async () => {
    const modern: Script = () => bundle([], 'http://ficus/fhir/Patient?_offset=1');
    const { lab, words } = await verdictOf({ legacy: () => set([]), modern });
    expect(words).toBe('not-comparable: too-many');
    expect(lab.modern.asked).toHaveLength(20);
  });

  it.each([
    ['has no parameters', 'http://ficus/fhir/Patient/page-2', () => parseNothing('Patient', [])],
    ['has parameters that are not promised', 'http://ficus/fhir/Patient?_secret=1', refuse],
  ])('is not compared when the next link %s', async (_name, next, parse) => {
    const modern: Script = () => bundle(names(1), next);
    const { words } = await verdictOf({ legacy: () => set(names(1)), modern }, { parse });
    expect(words).toBe('not-comparable: pages');
  });

  it('is not compared when a later page is refused', async () => {
    const modern: Script = (_request, _context, nth) =>
      nth === 1 ? bundle(names(1), 'http://ficus/fhir/Patient?_offset=1') : piped({ resourceType: 'OperationOutcome' }, 410); // prettier-ignore
    const { words } = await verdictOf({ legacy: () => set(names(1)), modern });
    expect(words).toBe('not-comparable: pages');
  });
});

function refuse(): never {
  throw new FicusError('parameter-unknown', 'not promised');
}

describe('a search', () => {
  it('of which legacy says that it is incomplete is not called even', async () => {
    const issues = [{ severity: 'warning', code: 'incomplete' }] as const;
    const { words } = await verdictOf({
      legacy: () => set(names(2), { issues }),
      modern: () => bundle(names(2)),
    });
    expect(words).toBe('not-comparable: incomplete');
  });

  it('of which modern says that it is incomplete is not called even', async () => {
    const outcome = { resourceType: 'OperationOutcome', issue: [{ code: 'incomplete' }] };
    const entry = [...names(2), outcome].map((resource) => ({ resource }));
    const { words } = await verdictOf({ legacy: () => set(names(2)), modern: () => bundle([], undefined, { entry }) }); // prettier-ignore
    expect(words).toBe('not-comparable: incomplete');
  });

  it('that is answered by no Bundle differs', async () => {
    const { words } = await verdictOf({
      legacy: () => set(names(1)),
      modern: () => piped({ resourceType: 'Patient', id: 'p0' }),
    });
    expect(words).toBe('different');
  });

  it('with _summary=count is compared by its total, its matches left out as they are for the client', async () => {
    const counting = { ...REQUEST, query: { ...query('Patient'), summary: 'count' as const } };
    const seen: unknown[] = [];
    const lab = rig(
      { modern: () => bundle([], undefined, { total: 3 }) },
      {
        limits: LIMITS,
        compare: (legacy, modern) => {
          seen.push(legacy, modern);
          return [];
        },
      },
    );
    const response = set(names(3), { total: 3, next: 'more' });
    lab.tell({ request: counting, outcome: { response } });
    await lab.end();
    expect(seen).toMatchObject([
      { kind: 'set', matches: [], total: 3, complete: true },
      { kind: 'set', matches: [], total: 3, complete: true },
    ]);
  });

  it('keeps the digits of what it compares', async () => {
    const seen: unknown[] = [];
    const body = Buffer.from('{"resourceType":"Patient","id":"p1","value":1.50}');
    const lab = rig({ modern: () => piped(body) }, { compare: (_legacy, modern) => (seen.push(modern), []) });
    lab.tell({ outcome: { response: answer({ resourceType: 'Patient', id: 'p1' }) } });
    await lab.end();
    expect(JSON.stringify(seen)).toContain('1.50');
  });
});
