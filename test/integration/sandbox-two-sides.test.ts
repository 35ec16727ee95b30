import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANY, startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { demoConfig, ensureSecrets } from '../../src/cli/demo-config.ts';
import { welcomePeople, type DemoPeople } from '../../src/cli/demo-people.ts';
import { inParallel } from '../../src/cli/in-parallel.ts';
import { compose, type Ficus } from '../../src/compose.ts';
import { createLogger } from '../../src/log.ts';

/**
 * Both sides of Observation, read through Ficus: without a planted fault they are the same, resource by resource and digit by digit.
 * Otherwise the comparison of a migration would find what nobody planted.
 */
let sandbox: Sandbox;
let ficus: Ficus;
let people: DemoPeople;
let state: string;

beforeAll(async () => {
  state = mkdtempSync(join(tmpdir(), 'ficus-two-sides-'));
  const password = ensureSecrets(state);
  const ports = { mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 };
  sandbox = await startSandbox({ ...ports, others: MANY, security: { user: 'ficus', password } });
  const log = createLogger({ level: 'silent' });
  ficus = await compose(demoConfig(sandbox.addresses, state, { fhir: 0, admin: 0 }), { log });
  people = await welcomePeople(ficus, sandbox.addresses, log, new AbortController().signal);
  await people.others;
});
afterAll(async () => {
  await ficus.stop();
  await sandbox.close();
  rmSync(state, { recursive: true, force: true });
});

async function turn(endpoint: string, stage: string): Promise<void> {
  const response = await fetch(`${ficus.adminBase}/routes/${endpoint}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stage, by: 'test', reason: 'to read this side' }),
  });
  expect(response.status, await response.text()).toBe(200);
}

interface Seen {
  readonly total: number | undefined;
  /** The resources in their order, as JSON with the digits they came with, without versions and times of their own. */
  readonly resources: readonly string[];
}

/** `1.50` stays `1.50`: numbers become their source text. */
const lossless = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
};

interface Bundle {
  readonly total?: number;
  readonly entry?: readonly {
    readonly resource: Readonly<Record<string, unknown>>;
    readonly search: { readonly mode: string };
  }[];
}

async function see(query: string): Promise<Seen> {
  const response = await fetch(`${ficus.publicBase}/Observation?${query}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const bundle = lossless.parse(text, (_key, value, { source }) =>
    typeof value === 'number' ? `number ${source}` : value,
  ) as Bundle;
  const resources = (bundle.entry ?? [])
    .filter(({ search }) => search.mode !== 'outcome')
    .map(({ resource: { meta, ...rest } }) => {
      const { versionId: _, lastUpdated: __, ...kept } = (meta ?? {}) as Readonly<Record<string, unknown>>;
      return JSON.stringify({ ...rest, meta: kept });
    });
  return { total: bundle.total, resources };
}

/** Each query on both sides. */
async function seeBoth(queries: readonly string[]): Promise<[query: string, legacy: Seen, modern: Seen][]> {
  await turn('Observation.search', 'legacy');
  const legacy = await inParallel(6, queries, see);
  await turn('Observation.search', 'modern');
  const modern = await inParallel(6, queries, see);
  const nothing: Seen = { total: 0, resources: [] };
  return queries.map((query, i) => [query, legacy[i] ?? nothing, modern[i] ?? nothing]);
}

/** FHIR ids of all patients: those that the results of the modern service are of, and those that have none. */
async function everybody(): Promise<string[]> {
  const ids = new Set(people.named.map(({ id }) => id));
  let url: string | undefined = `${sandbox.addresses.modern}/Observation?_count=500`;
  while (url !== undefined) {
    const bundle = (await (await fetch(url)).json()) as {
      entry: { resource: { subject: { reference: string } } }[];
      link: { relation: string; url: string }[];
    };
    for (const { resource } of bundle.entry) ids.add(resource.subject.reference.slice('Patient/'.length));
    url = bundle.link.find(({ relation }) => relation === 'next')?.url;
  }
  return [...ids];
}

// A new case is a row; {id} is a patient.
const QUERIES = [
  'patient={id}',
  'subject=Patient/{id}',
  'patient={id}&category=laboratory',
  'patient={id}&category=vital-signs',
  'patient={id}&code=http://loinc.org|14749-6',
  'patient={id}&code=14749-6,2345-7',
  'patient={id}&date=ge2025-01-01',
  'patient={id}&date=ge2025-01-01&date=lt2026-01-01',
  'patient={id}&date=2003',
  'patient={id}&date=2026-06-11',
  'patient={id}&category=laboratory&date=ge2025-06-01',
  'patient={id}&code=14749-6&date=ge2025-06-15',
  'patient={id}&status=final,amended',
  'patient={id}&status=amended',
  'patient={id}&status:not=final',
  'patient={id}&_sort=date',
  'patient={id}&_sort=-date',
  'patient={id}&category=laboratory&_sort=-date',
  'patient={id}&_sort=code',
  'patient={id}&value-quantity=5.40',
  'patient={id}&code=14749-6&value-quantity=gt5.6|http://unitsofmeasure.org|mmol/L',
  'patient={id}&encounter:missing=false',
  'patient={id}&performer:identifier=http://hospix.example/providers|P201',
  'patient={id}&combo-code=8480-6',
  'patient={id}&_summary=true',
  'patient={id}&_summary=count',
  'patient={id}&_elements=value,code',
  'patient={id}&_include=Observation:patient',
];

describe('the two sides, no fault planted', () => {
  it('have the same results of every patient, under the same ids, in the same order', async () => {
    const ids = await everybody();
    expect(ids.length).toBeGreaterThanOrEqual(200);
    const both = await seeBoth(ids.map((id) => `patient=${id}&_count=100`));
    for (const [query, legacy, modern] of both) expect(modern, query).toEqual(legacy);
    const all = both.flatMap(([, legacy]) => legacy.resources);
    expect(all.length).toBeGreaterThan(2_000);
    expect(new Set(all).size).toBe(all.length);
    // What makes a comparison worth its while is there.
    const some = (expression: RegExp): number => all.filter((text) => expression.test(text)).length;
    expect(some(/"status":"amended"/)).toBeGreaterThan(10);
    expect(some(/"value":"number \d+\.\d*0","unit":"mmol\/L"/)).toBeGreaterThan(50);
    expect(some(/T\d\d:\d\d:\d\d\+01:00"/)).toBeGreaterThan(100);
    expect(some(/T\d\d:\d\d:\d\d\+02:00"/)).toBeGreaterThan(100);
    expect(some(/"coding":\[\{[^\]]*\},\{/)).toBeGreaterThan(1_000);
  });

  it.each(QUERIES)('answer alike to %s', async (query) => {
    const chosen = people.named.filter((_, i) => i % 3 === 0);
    const queries = chosen.map(({ id }) => `${query.replace('{id}', id).replaceAll('|', '%7C')}&_count=100`);
    for (const [asked, legacy, modern] of await seeBoth(queries)) expect(modern, asked).toEqual(legacy);
  });
});
