import { describe, expect, it } from 'vitest';
import type { FhirRequest } from '../../../src/ports.ts';
import { parseHistory } from '../../../src/search/history-parse.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import { BASE, context, historyOf, NOW, projection, update } from './support.ts';
import type { Projection } from './support.ts';

interface Page {
  readonly total?: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly {
    readonly resource: { readonly meta: { readonly versionId: string } };
    readonly response: { readonly lastModified: string };
  }[];
}

const patient = (gender: string) => ({ resourceType: 'Patient', id: 'a', gender });
const GENDERS = ['male', 'female', 'other', 'unknown'] as const;

/** Patient a in five versions, one millisecond after the other. */
function world(): Projection {
  const it = projection({ defaultCount: 3 });
  for (let version = 1; version <= 5; version += 1)
    it.apply({ changes: [update(patient(GENDERS[version % 4]!))] });
  return it;
}

async function pageOf({ ask }: Projection, request: ReturnType<typeof historyOf>): Promise<Page> {
  const { body } = await ask(request);
  if (body.kind !== 'resource') throw new Error('no Bundle');
  expect(validateResource(body.resource)).toEqual([]);
  return body.resource as unknown as Page;
}

const versionsOf = ({ entry = [] }: Page) => entry.map(({ resource }) => resource.meta.versionId);
const linkOf = ({ link }: Page, wanted: string) => link.find(({ relation }) => relation === wanted)?.url;

/** What a link asks for. */
function followed(url: string | undefined): readonly (readonly [string, string])[] {
  const { origin, pathname, searchParams } = new URL(url!);
  expect(origin + pathname).toBe(`${BASE}/Patient/a/_history`);
  return [...searchParams];
}

describe('the history of a resource', () => {
  it('is given page by page, the newest version first, with the number of them all', async () => {
    const it = world();
    const first = await pageOf(it, historyOf('Patient', 'a', [['_count', '2']]));
    expect(versionsOf(first)).toEqual(['5', '4']);
    expect(linkOf(first, 'self')).toBe(`${BASE}/Patient/a/_history?_count=2`);
    const second = await pageOf(it, historyOf('Patient', 'a', followed(linkOf(first, 'next'))));
    const third = await pageOf(it, historyOf('Patient', 'a', followed(linkOf(second, 'next'))));
    expect([versionsOf(second), versionsOf(third)]).toEqual([['3', '2'], ['1']]);
    expect(linkOf(third, 'next')).toBeUndefined();
    expect(linkOf(third, 'first')).toBe(linkOf(first, 'self'));
    for (const page of [first, second, third]) expect(page.total).toBe(5);
  });

  it('has pages of the usual size when none is asked for', async () => {
    expect(versionsOf(await pageOf(world(), historyOf('Patient', 'a')))).toEqual(['5', '4', '3']);
  });

  it('goes on where its page ended, though a version came meanwhile', async () => {
    const it = world();
    const first = await pageOf(it, historyOf('Patient', 'a', [['_count', '3']]));
    it.apply({ changes: [update(patient('other'))] });
    const next = await pageOf(it, historyOf('Patient', 'a', followed(linkOf(first, 'next'))));
    expect([versionsOf(next), next.total]).toEqual([['2', '1'], 5]);
    expect(versionsOf(await pageOf(it, historyOf('Patient', 'a', [['_count', '1']])))).toEqual(['6']);
  });

  it.each([
    ['then', NOW + 3, '', ['5', '4', '3']],
    ['a part of a millisecond later', NOW + 3, '1', ['5', '4']],
    ['after all of them', NOW + 6, '', []],
    ['before them', 0, '', ['5', '4', '3', '2', '1']],
  ])('leaves out what was made before an instant: %s', async (_, at, fraction, versions) => {
    const since = new Date(at).toISOString().replace('Z', `${fraction}Z`);
    const page = await pageOf(world(), historyOf('Patient', 'a', [['_since', since], ['_count', '9']])); // prettier-ignore
    expect([versionsOf(page), page.total]).toEqual([versions, versions.length]);
    expect(new URL(linkOf(page, 'self')!).searchParams.get('_since')).toBe(since);
  });

  it.each([
    ['of another resource', { id: 'b' }],
    ['of another instant', { since: NOW }],
  ])('refuses a page %s', async (_, change: Partial<FhirRequest>) => {
    const it = world();
    it.apply({ changes: [update({ resourceType: 'Patient', id: 'b' })] });
    const next = followed(linkOf(await pageOf(it, historyOf('Patient', 'a')), 'next'));
    const other = it.ask({ ...historyOf('Patient', 'a', next), ...change });
    await expect(other).rejects.toMatchObject({ code: 'parameter-invalid' });
  });

  it('refuses the page of another caller', async () => {
    const it = world();
    const next = followed(linkOf(await pageOf(it, historyOf('Patient', 'a')), 'next'));
    const { principal, ...rest } = context();
    const asked = { handling: 'strict', ...historyOf('Patient', 'a', next) } as const;
    const other = it.backend.handle(asked, { ...rest, principal: { ...principal, key: 'another' } });
    await expect(other).rejects.toMatchObject({ code: 'parameter-invalid' });
  });

  it('of what nobody has told of is not there', async () => {
    const it = world();
    it.apply({ changes: [update({ resourceType: 'Encounter', id: 'e', status: 'planned', class: { code: 'IMP' }, subject: { reference: 'Patient/ghost' } })] }); // prettier-ignore
    for (const id of ['ghost', 'nobody'])
      await expect(it.ask(historyOf('Patient', id))).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the parameters of a history', () => {
  it.each([
    ['_at', '2024', 'parameter-unknown'],
    ['_summary', 'true', 'parameter-unknown'],
    ['_count', '0', 'parameter-invalid'],
    ['_count', 'all', 'parameter-invalid'],
    ['_since', '2024-01-01', 'parameter-invalid'],
    ['_since', '2024-02-30T00:00:00Z', 'parameter-invalid'],
  ])('refuse %s=%s: %s', (name, value, code) => {
    expect(() => parseHistory('Patient', 'a', [[name, value]], 50)).toThrow(
      expect.objectContaining({ code, issues: [expect.objectContaining({ expression: [name] })] }),
    );
  });

  it('are given once only, and no page is larger than the largest', () => {
    const twice = [['_count', '1'], ['_count', '2']] as const; // prettier-ignore
    expect(() => parseHistory('Patient', 'a', twice, 50)).toThrow('once');
    expect(parseHistory('Patient', 'a', [['_count', '900']], 50).query).toMatchObject({
      count: 50,
      applied: [['_count', '50']],
    });
  });

  it('hand what a modern service goes on with on to it', () => {
    const { query } = parseHistory('Patient', 'a', [['_getpages', 'x1']], 50);
    expect(query).toMatchObject({ page: 'x1', applied: [['_getpages', 'x1']] });
  });
});
