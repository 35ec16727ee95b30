import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { SearchQuery, SearchSet } from '../../src/fhir/search-query.ts';
import type { Resource } from '../../src/fhir/types.ts';
import type { Backend } from '../../src/ports.ts';
import { createSourceBackend } from '../../src/search/backend.ts';
import { compileFilters } from '../../src/search/match.ts';
import { createPageSealer } from '../../src/search/page.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { contextOf, createTold, openSandbox, openSource } from './soap-core.ts';

let sandbox: Sandbox;
let backend: Backend;
const told = createTold();
const zone = createTimeZone('Europe/Berlin');
beforeAll(async () => {
  sandbox = await openSandbox();
  const source = openSource(sandbox, told);
  const keys = [{ id: 'a', secret: new Uint8Array(32) }];
  const pages = createPageSealer({ keys, clock: systemClock, lifetimeMs: 60_000 });
  backend = createSourceBackend(source, { clock: systemClock, pages, zone, defaultCount: 100 });
  return () => source.close();
});
afterAll(() => sandbox.close());

const MODIFIERS = ['not', 'missing', 'identifier', 'exact', 'contains'];
const RULES = { serves: () => true, parameter: () => ({ modifiers: MODIFIERS }), include: () => true };

/** A search as a client writes it, with legacy keys for ids: what the identity Layer hands on. */
function queryOf(text: string): SearchQuery {
  const [type = '', query = ''] = text.split('?');
  const pairs = query.split('&').map((pair): [string, string] => {
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    return [name, value.replace(/^(Patient|Encounter)\/([A-Z]+)!/, '$1/$2.')];
  });
  const parsed = parseSearch(type, pairs, { rules: RULES, handling: 'strict', maxCount: 100 });
  const filters = parsed.filters.map((filter) =>
    filter.type === 'reference' && filter.modifier === undefined
      ? { ...filter, values: filter.values.map(withKey) }
      : filter,
  );
  return { ...parsed, filters };
}

function withKey<Value extends { readonly refId?: string; readonly refType?: string; readonly text: string }>(
  value: Value,
): Value {
  const refId = value.refId?.replace('.', '|');
  return refId === undefined ? value : { ...value, refId, text: `${value.refType ?? ''}/${refId}` };
}

async function search(text: string): Promise<SearchSet> {
  const query = queryOf(text);
  const request = { interaction: 'search', type: query.type, query, handling: 'strict' } as const;
  const { body } = await backend.handle(request, contextOf(told));
  if (body.kind !== 'searchset') throw new Error('no search result');
  return body.set;
}

const ids = (resources: readonly Resource[]): string[] => resources.map(({ id }) => id ?? '').toSorted();

describe('what the service filters is what FHIR means', () => {
  const P1 = 'patient=Patient/HOSP.100001';
  it.each([
    `Appointment?${P1}&status=booked`,
    `Appointment?${P1}&status=booked,cancelled`,
    `Appointment?${P1}&status=http://hl7.org/fhir/appointmentstatus|booked`,
    `Appointment?${P1}&status:not=booked`,
    `Appointment?${P1}&date=2026-12-03`,
    `Appointment?${P1}&date=2026`,
    `Appointment?${P1}&date=ge2026-06-11&date=lt2026-08-21`,
    `Appointment?${P1}&date=2026-12-03T09:30:00%2B01:00`.replace('%2B', '+'),
    `Appointment?${P1}&date=gt2026-12-03T10:00:00+01:00`,
    `Appointment?${P1}&date=sa2026-12-03,eb2026-07`,
    `Appointment?${P1}&date=ap2026-12-03`,
    `Appointment?${P1}&practitioner:identifier=http://hospix.example/providers|P101`,
    `Appointment?${P1}&location:identifier=http://hospix.example/places|WEST/AMB/K2`,
    `Appointment?patient:identifier=urn:oid:2.999.1.1|100001`,
    `Appointment?actor=Patient/HOSP.100001&status=booked`,
    `Appointment?${P1}&actor=Patient/HOSP.100001`,
    `Observation?${P1}&subject=Patient/HOSP.100002`,
    `Appointment?${P1}&actor:identifier=http://hospix.example/providers|P101`,
    `Appointment?patient:identifier=urn:oid:2.999.1.1|100001&date=2026`,
    `AllergyIntolerance?${P1}&clinical-status=active`,
    `AllergyIntolerance?${P1}&clinical-status=http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical|active,resolved`,
    `AllergyIntolerance?${P1}&clinical-status:missing=true`,
    `AllergyIntolerance?${P1}&verification-status=entered-in-error`,
    `AllergyIntolerance?${P1}&code=PEN&criticality=high&category=medication`,
    `Encounter?${P1}&class=IMP`,
    `Encounter?${P1}&class=http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP,AMB`,
    `Encounter?${P1}&status=finished&date=2026-06`,
    `Encounter?${P1}&date=ge2025-10-28`,
    `Encounter?${P1}&date=lt2025-10-27`,
    `Encounter?${P1}&date=2025-10`,
    `Encounter?${P1}&status=unknown`,
    `Observation?${P1}&code=K`,
    `Observation?${P1}&code=http://loinc.org|2823-3`,
    `Observation?${P1}&code=http://hospix.example/codes|K,http://loinc.org|718-7`,
    `Observation?${P1}&code=http://hospix.example/codes|2823-3`,
    `Observation?${P1}&code=http://loinc.org|`,
    `Observation?subject=Patient/HOSP.100001&category=vital-signs`,
    `Observation?${P1}&category=laboratory&status=final,corrected&date=2025-10-26`,
    `Observation?${P1}&date=1987`,
    `Observation?${P1}&date=lt1999-05`,
    `Observation?${P1}&date=1999-04-12`,
    `Observation?${P1}&combo-code=8480-6`,
    `Observation?${P1}&value-quantity=gt5||mmol/L`,
    `Observation?${P1}&encounter=Encounter/ENC.V7001`,
  ])('%s', async (text) => {
    const query = queryOf(text);
    const all = await search(`${query.type}?${P1}`);
    expect(all.next).toBeUndefined();
    const matches = compileFilters(query.type, query.filters, { zone, now: Date.now() });
    const found = await search(text);
    expect(ids(found.matches)).toEqual(ids(all.matches.filter(matches)));
    expect(found.issues).toEqual([]);
    expect(found.total).toBe(found.matches.length);
  });
});

describe('what bounds a search', () => {
  it.each([
    ['Appointment?practitioner:identifier=http://hospix.example/providers|P102', 'APPT|A50003'],
    ['Appointment?date=2026-12-03', 'APPT|A50001'],
    ['Appointment?date=ge2026-12-01&date=lt2027-01-01', 'APPT|A50022'],
    ['Appointment?identifier=|PORTAL-88121', 'APPT|A50021'],
    ['Appointment?identifier=http://hospix.example/appointment-numbers|A50010', 'APPT|A50010'],
    ['Encounter?identifier=http://hospix.example/visit-numbers|V7001', 'ENC|V7001'],
    ['Encounter?identifier=V7001', 'ENC|V7001'],
    ['Observation?identifier=http://hospix.example/observation-numbers|R90003', 'OBS|R90003'],
  ])('%s finds it', async (text, id) => {
    const { matches } = await search(text);
    expect(ids(matches)).toContain(id);
  });

  it.each([
    'Appointment?identifier=http://hospix.example/appointment-numbers|NONE',
    'Appointment?identifier=https://portal.example/bookings|NONE',
    'Appointment?patient:identifier=urn:oid:1.2.3|100001',
    'Appointment?patient:identifier=urn:oid:2.999.1.1|NOBODY',
    'Appointment?practitioner:identifier=http://elsewhere.example|P101',
    'Appointment?date=ge2026-12-04&date=le2026-12-03',
    'Observation?identifier=http://elsewhere.example|R90003',
    'Observation?patient=Patient/HOSP.999999',
  ])('%s finds nothing, and says so exactly', async (text) => {
    expect(await search(text)).toMatchObject({ matches: [], total: 0, issues: [] });
  });

  it.each([
    ['Appointment?status=booked', 'patient'],
    ['Appointment?date=2026', 'at most 31 days'],
    ['Appointment?date=ge2026-12-01', 'at most 31 days'],
    ['Appointment?identifier=PORTAL-88121', 'patient'],
    ['AllergyIntolerance?code=PEN', 'patient'],
    ['Encounter?status=finished', 'patient'],
    ['Observation?code=K', 'patient'],
    ['Observation?patient:identifier=100001', 'patient'],
  ])('%s is too costly, and says what would help', async (text, words) => {
    await expect(search(text)).rejects.toMatchObject({
      code: 'too-costly',
      message: expect.stringContaining(words) as string,
    });
  });
});

describe('records of a patient whose number was merged into another', () => {
  it('are not left out in silence', async () => {
    const old = await search('Appointment?patient=Patient/HOSP.100077');
    expect(old.total).toBeUndefined();
    expect(old).toMatchObject({
      matches: [],
      issues: [{ severity: 'warning', code: 'incomplete', expression: ['patient'] }],
    });
    expect(ids((await search('Appointment?patient=Patient/HOSP.100002')).matches)).toContain('APPT|A50006');
  });
});
