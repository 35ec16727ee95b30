import { describe, expect, it } from 'vitest';
import type { SearchFilter, SearchQuery } from '../../../src/fhir/search-query.ts';
import { shapeOf } from '../../../src/strangler/shape.ts';
import { query, read, search, update } from '../resilience/support.ts';

const reference = (name: string, more: Partial<SearchFilter> = {}): SearchFilter => ({
  name,
  type: 'reference',
  values: [{ text: 'secret' }],
  ...more,
});
const made = (more: Partial<SearchQuery>) => search({ ...query('Observation'), ...more });
const chain = { targetType: 'Patient', filter: reference('identifier', { modifier: 'of-type' }) };

describe('the shape of a request', () => {
  it.each([
    [read('secret'), 'read'],
    [{ ...read('secret'), interaction: 'vread', versionId: '7' } as const, 'vread'],
    [update('secret'), 'update'],
    [made({}), '(none)'],
    [made({ count: 10, page: 'token', applied: [['_getpages', 'token']] }), '(none)'],
    [made({ filters: [reference('patient'), reference('code'), reference('date')] }), 'code,date,patient'],
    [made({ filters: [reference('date'), reference('date'), reference('code')] }), 'code,date'],
    [made({ filters: [reference('subject', { modifier: 'Patient' })] }), 'subject:Patient'],
    [made({ filters: [reference('patient', { chain })] }), 'patient.identifier:of-type'],
    [
      made({
        filters: [reference('patient')],
        sort: [{ name: 'date', descending: true }],
        include: [{ source: 'Observation', param: 'subject' }],
        summary: 'true',
        elements: ['status'],
        total: 'accurate',
        count: 5,
      }),
      '_elements,_include,_sort,_summary,_total,patient',
    ],
  ])('%# is %s', (request, shape) => {
    expect(shapeOf(request)).toBe(shape);
    expect(shapeOf(request)).toBe(shape);
  });

  it('is the same in whatever order the parameters come', () => {
    const [one, other] = ['a', 'b', 'c'].map((name) => reference(name)) as [SearchFilter, SearchFilter];
    expect(shapeOf(made({ filters: [one, other] }))).toBe(shapeOf(made({ filters: [other, one] })));
  });
});
