import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/fhir/types.ts';
import { projection, snapshot } from '../projection/support.ts';
import { served, sourced, type Holder } from './fuzz/backends.ts';
import type { Caller } from './fuzz/model.ts';
import { stackOver, type Stack, type Told } from './fuzz/stack.ts';
import { BASE, type Known } from './fuzz/world.ts';

/*
 * Pages are cut as if what is hidden were not there. Most of the observations here are restricted, and of two visits one is.
 */

const CLERK: Caller = { scopes: ['user/*.rs'], fhirUser: 'Practitioner/d', purposes: [] };
const label = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] }; // prettier-ignore
const SUPPRESSED = 'What a confidentiality label or a consent keeps from you is not part of this answer';

/** Observations by number, those of `seen` without a label. */
function observations(count: number, seen: readonly number[]): readonly Known[] {
  return Array.from({ length: count }, (_, at): Known => {
    const meta = seen.includes(at) ? {} : { meta: label };
    const issued = `2024-01-01T00:00:${String(59 - (at % 60)).padStart(2, '0')}Z`;
    return { resourceType: 'Observation', id: `o${at}`, status: 'final', effectiveDateTime: issued, subject: { reference: 'Patient/p' }, encounter: { reference: 'Encounter/e' }, ...meta }; // prettier-ignore
  });
}

function told(world: readonly Known[]): Holder {
  const it = projection({ defaultCount: 3 });
  for (const resource of world) it.apply({ changes: [snapshot(resource)] });
  return { backend: it.backend, writes: false, native: true, states: async () => [] };
}

const HOLDERS: readonly (readonly [name: string, make: (world: readonly Known[]) => Holder])[] = [
  ['a projection', told],
  ['a legacy core', (world) => sourced(world, false)],
  ['a modern service', served],
];
const stackOf = ({ backend, native }: Holder): Stack =>
  stackOver(backend, { labelled: true, native, shared: false });

type Entry = { readonly resource: Resource; readonly search: { readonly mode: string } };

async function pageOf(stack: Stack, url: string) {
  const page: Told = await stack.ask(CLERK, { method: 'GET', url });
  const entries = (page.body?.['entry'] ?? []) as unknown as Entry[];
  const links = (page.body?.['link'] ?? []) as unknown as { relation: string; url: string }[];
  return {
    status: page.status,
    text: page.text,
    ids: entries.filter(({ search }) => search.mode === 'match').map(({ resource }) => resource.id),
    total: page.body?.['total'],
    next: links.find(({ relation }) => relation === 'next')?.url.slice(BASE.length + 1),
  };
}

async function pagesOf(stack: Stack, url: string) {
  const pages = [];
  for (let next: string | undefined = url; next !== undefined && pages.length < 50;) {
    const page: Awaited<ReturnType<typeof pageOf>> = await pageOf(stack, next);
    expect(page.status, page.text).toBe(200);
    pages.push(page);
    next = page.next;
  }
  return pages;
}

describe.each(HOLDERS)('pages over %s', (_name, make) => {
  it('are as full as if what is hidden were not there, and have no next where nothing to be seen follows', async () => {
    const stack = stackOf(make(observations(13, [1, 2, 5, 6, 7, 10])));
    const pages = await pagesOf(stack, 'Observation?_count=2');
    expect(pages.map(({ ids }) => ids)).toEqual([
      ['o1', 'o2'],
      ['o5', 'o6'],
      ['o7', 'o10'],
    ]);
    expect((await pageOf(stack, 'Observation?_count=6')).total).toBe(6);
  });

  it('are so in the order that was asked for, too', async () => {
    const stack = stackOf(make(observations(12, [2, 5, 6, 9])));
    const pages = await pagesOf(stack, 'Observation?_sort=date&_count=3');
    expect(pages.map(({ ids }) => ids.length)).toEqual([3, 1]);
    if (_name !== 'a modern service') expect(pages.flatMap(({ ids }) => ids)).toEqual(['o9', 'o6', 'o5', 'o2']); // prettier-ignore
  });

  it('end where too much is hidden, and go on there: nothing is lost, and nothing is there twice', async () => {
    const stack = stackOf(make(observations(150, [0, 100, 149])));
    const pages = await pagesOf(stack, 'Observation?_count=2');
    expect(pages.flatMap(({ ids }) => ids)).toEqual(['o0', 'o100', 'o149']);
    expect(pages.length).toBeGreaterThan(2);
    expect(pages[0]).toMatchObject({ ids: ['o0'], total: undefined });
    expect(pages.every(({ text }) => text.split(SUPPRESSED).length === 2)).toBe(true);
  });

  it('begin where a page of this search ended, and nowhere else', async () => {
    const stack = stackOf(make(observations(12, [2, 5, 6, 9])));
    const { next } = await pageOf(stack, 'Observation?_count=2');
    expect((await pageOf(stack, 'Observation?_offset=1&_count=1')).status).toBe(400);
    expect((await pageOf(stack, next!.replace('_page=v.', '_page='))).status).toBe(400);
    expect((await pageOf(stack, next!.replace('Observation?', 'Observation?status=final&'))).status).toBe(
      400,
    );
  });

  it('have tokens whose length tells nothing of what is hidden before them, however long the search is', async () => {
    const world = observations(6, [0, 5]);
    const hiding = stackOf(make(world));
    const without = stackOf(make(world.filter(({ id }) => id === 'o0' || id === 'o5')));
    for (let length = 0; length < 1_200; length += 60) {
      const more = `${'x'.repeat(59)},`.repeat(length / 60);
      const url = `Observation?_count=1&_id=${more}o0,o2,o3,o4,o5`;
      const [one, other] = [await pageOf(hiding, url), await pageOf(without, url)];
      expect(one.ids).toEqual(['o0']);
      expect({ length, next: one.next?.length }).toEqual({ length, next: other.next?.length });
    }
  });

  it('say once what may be kept back, by however many ways it was looked for', async () => {
    const visits: readonly Known[] = [
      { resourceType: 'Patient', id: 'p', name: [{ family: 'Smith' }] },
      { resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'IMP' }, subject: { reference: 'Patient/p' } }, // prettier-ignore
    ];
    const stack = stackOf(make([...visits, ...observations(2, [1])]));
    const { ids, text } = await pageOf(
      stack,
      'Encounter?patient.family=Smith&_revinclude=Observation:encounter',
    );
    expect(ids).toEqual(['e']);
    expect(text).toContain('"o1"');
    expect(text).not.toContain('"o0"');
    expect(text.split(SUPPRESSED)).toHaveLength(2);
  });
});

describe('what does not say when it was last updated', () => {
  it('is told of where it may be seen, and not where it is hidden', async () => {
    const UNDATED = 'does not say of every resource when it was last updated';
    const url = 'Observation?_lastUpdated=ge2000';
    const some = stackOf(sourced(observations(3, [1]), false));
    expect((await pageOf(some, url)).text).toContain(UNDATED);
    const none = stackOf(sourced(observations(3, []), false));
    expect((await pageOf(none, url)).text).not.toContain(UNDATED);
    expect((await pageOf(none, url)).total).toBe(0);
  });
});
