import { describe, expect, test } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { stringifyJson } from '../../../src/fhir/json.ts';
import type { Backend } from '../../../src/ports.ts';
import { hospital, observation, patient, piped, set } from './hospital.ts';
import { NOW } from './support.ts';
import { clock, OPTIONS, UNSEARCHED, allergy, record, allPages, WARD } from './everything-support.ts';
import type { Asked } from './everything-support.ts';

describe('pages of a record', () => {
  const next = hospital({
    ...WARD,
    'Patient/b': patient('b'),
    'AllergyIntolerance?patient=Patient/a': set([allergy('x')], { next: 't1' }),
    'AllergyIntolerance?patient=Patient/a&_page=t1': set([allergy('y')]),
    'Observation?patient=Patient/a': set([observation('o1', 'Patient/a'), observation('o2', 'Patient/a')]),
  });

  test('go on inside a type and from type to type, and lose and repeat nothing', async () => {
    const pages = await allPages(next, '_count=2');
    expect(pages.map(({ matches }) => matches)).toEqual([
      ['Patient/a', 'AllergyIntolerance/x'],
      ['AllergyIntolerance/y', 'Observation/o1', 'Observation/o2'],
      [],
    ]);
    // What no page has is said once.
    expect(pages.map(({ issues }) => issues)).toEqual([[UNSEARCHED], [], []]);
  });

  test('are for the one caller, the one patient and the same parameters', async () => {
    const { set: first } = await record(next, '_count=1');
    const again = (text: string, asked: Asked = {}) => record(next, `${text}_page=${first.next}`, asked);
    expect((await again('')).matches).toContain('AllergyIntolerance/x');
    const wrong = { code: 'parameter-invalid' };
    await expect(again('', { context: { principal: { key: 'other' } } })).rejects.toMatchObject(wrong);
    await expect(again('', { id: 'b' })).rejects.toMatchObject(wrong);
    await expect(again('_type=Observation&')).rejects.toMatchObject(wrong);
    const rules = { ...OPTIONS.rules, searches: (type: string) => type === 'Observation' };
    await expect(again('', { rules })).rejects.toMatchObject({ code: 'page-expired' });
  });

  test('read the Patient again: who may not see it any more gets no further', async () => {
    const { set: first } = await record(next, '_count=1');
    const closed = hospital({ ...WARD, 'Patient/a': new FicusError('forbidden', 'No.') });
    await expect(record(closed, `_page=${first.next}`)).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('follow the links of a modern service', async () => {
    const bundle = (id: string, link: object[]): string =>
      stringifyJson({
        resourceType: 'Bundle',
        type: 'searchset',
        link: link as never,
        entry: [{ resource: observation(id, 'Patient/a') }],
      });
    const url = 'http://modern/Observation?patient=Patient/a&_offset=2';
    const modern = hospital({
      ...WARD,
      'Observation?patient=Patient/a': piped(bundle('o1', [{ relation: 'next', url }])),
      'Observation?patient=Patient/a&_page=2': piped(bundle('o2', [])),
    });
    const pages = await allPages(modern, '_count=2');
    expect(pages.map(({ matches }) => matches)).toEqual([
      ['Patient/a', 'Observation/o1'],
      ['Observation/o2'],
    ]);
    expect(pages[1]!.response.servedBy).toBe('legacy:core, modern:labs');
  });

  test('end early when half of the time is gone, or after so many searches, and go on there', async () => {
    const slow: Backend = {
      handle: (request, whose) => {
        if (request.interaction === 'search') clock.advance(6_000);
        return next.handle(request, whose);
      },
    };
    const deadline = () => ({ context: { deadline: clock.now() + 10_000 } });
    const first = await record(slow, '', deadline());
    expect(first.matches).toEqual(['Patient/a', 'AllergyIntolerance/x']);
    const second = await record(slow, `_page=${first.set.next}`, deadline());
    expect(second.matches).toEqual(['AllergyIntolerance/y']);
    clock.advance(NOW - clock.now());
    const few = await allPages(next, '', { maxSearches: 2 });
    expect(few.map(({ matches }) => matches.length)).toEqual([3, 2]);
    const small = await allPages(next, '', { maxBytes: 10 });
    expect(small).toHaveLength(4);
  });

  test('tell no search to wait for longer than leaves time for the rest', async () => {
    const deadlines: number[] = [];
    const watched: Backend = {
      handle: (request, whose) => {
        if (request.interaction === 'search') deadlines.push(whose.deadline);
        return next.handle(request, whose);
      },
    };
    await record(watched);
    expect(new Set(deadlines)).toEqual(new Set([NOW + 7_000]));
  });
});

test('searches by a further role are not compared between two sides: one may not know the role', async () => {
  const waiting: string[] = [];
  const next: Backend = {
    handle: (request, whose) => {
      whose.afterwards?.(() => waiting.push(request.query?.applied[0]?.[0] ?? 'the Patient'));
      return hospital(WARD).handle(request, whose);
    },
  };
  const later: (() => void)[] = [];
  await record(next, '_type=Observation', { context: { afterwards: (work) => void later.push(work) } });
  for (const work of later) work();
  expect(waiting).toEqual(['the Patient', 'patient']);
});
