import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DemoPatient } from '../../src/cli/demo-data.ts';
import { HOSP, startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { fillSandbox } from '../support/migration-desk.ts';

/** Pages of searches that a modern service answers and Ficus adds to. */
let hospital: Hospital;
let patients: readonly DemoPatient[];

beforeAll(async () => {
  hospital = await startHospital();
  patients = await fillSandbox(hospital);
  const response = await fetch(`${hospital.ficus.adminBase}/routes/Observation.search`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stage: 'modern', by: 'integration', reason: 'a test' }),
  });
  expect(response.status).toBe(200);
});
afterAll(() => hospital.close());

interface Page {
  readonly resourceType: string;
  readonly total?: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly {
    readonly resource: { readonly resourceType: string; readonly id: string };
    readonly search: { readonly mode: string };
  }[];
}

async function pagesFrom(url: string): Promise<Page[]> {
  const pages: Page[] = [];
  for (let next: string | undefined = url; next !== undefined && pages.length < 20;) {
    const response = await fetch(next);
    const page = (await response.json()) as Page;
    expect([response.status, response.headers.get('x-served-by')], JSON.stringify(page)).toEqual([
      200,
      'modern:observations',
    ]);
    pages.push(page);
    next = page.link.find(({ relation }) => relation === 'next')?.url;
  }
  return pages;
}

const idsOf = (pages: readonly Page[], mode: string): string[] =>
  pages.flatMap(({ entry = [] }) =>
    entry.flatMap(({ search, resource }) => (search.mode === mode ? [resource.id] : [])),
  );

describe('every page of a modern answer', () => {
  let patient: DemoPatient;
  let all: readonly string[];

  beforeAll(async () => {
    for (patient of patients) {
      all = idsOf(await pagesFrom(`${hospital.base}/Observation?patient=${patient.id}&_count=100`), 'match');
      if (all.length > 4) break;
    }
    expect(all.length).toBeGreaterThan(4);
  });

  it.each([
    ['as it comes', () => `patient=${patient.id}`, false],
    ['with what it refers to', () => `patient=${patient.id}&_include=Observation:subject`, true],
    ['of a chain', () => `patient.identifier=${HOSP}|${patient.mrn}`, false],
    [
      'of a chain, with what it refers to',
      () => `subject:Patient.identifier=${HOSP}|${patient.mrn}&_include=Observation:subject`,
      true,
    ],
  ])('%s: nothing is lost, nothing is there twice', async (_, search, includes) => {
    const count = Math.ceil(all.length / 3);
    const pages = await pagesFrom(`${hospital.base}/Observation?${search()}&_count=${count}`);
    expect(pages).toHaveLength(3);
    expect(idsOf(pages, 'match')).toEqual(all);
    expect(idsOf(pages, 'include')).toEqual(includes ? pages.map(() => patient.id) : []);
  });
});
