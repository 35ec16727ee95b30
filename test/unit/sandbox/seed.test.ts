import { describe, expect, it } from 'vitest';
import { AUTHORITIES } from '../../../sandbox/legacy-core/state/authorities.ts';
import { plain, writeSegment, parseSegment } from '../../../sandbox/legacy-core/hl7/message.ts';
import { createHospital } from '../../../sandbox/legacy-core/state/hospital.ts';
import { fieldOf, identifiersOf, primaryIdentifier } from '../../../sandbox/legacy-core/state/patients.ts';
import type { Row, Table } from '../../../sandbox/legacy-core/state/records.ts';
import { loadSeed } from '../../../sandbox/legacy-core/state/seed.ts';
import { branch, branches, text } from '../../../sandbox/legacy-core/soap/schema.ts';

const seed = loadSeed();
const hospital = createHospital(seed, () => Date.UTC(2026, 10, 22));
const { patients, records } = hospital;

describe('the seed', () => {
  it('has about sixty patients, each with a number that finds it and a line about it', () => {
    expect(patients.all().length).toBeGreaterThanOrEqual(60);
    for (const patient of patients.all()) {
      const { value, authority } = primaryIdentifier(patient);
      expect(AUTHORITIES.map(({ name }) => name)).toContain(authority);
      expect(patients.find(value, authority)).toBe(patient);
      expect(patient.about).not.toBe('');
    }
  });

  it('gives no number of an authority twice', () => {
    const numbers = patients
      .all()
      .flatMap((patient) => identifiersOf(patient).map((id) => `${id.authority}|${id.value}`));
    expect(numbers.filter((number, i) => numbers.indexOf(number) !== i)).toEqual([]);
  });

  it('names namespace and OID of every number of ours, and they agree', () => {
    for (const patient of patients.all()) {
      for (const cx of fieldOf(patient.pid, 3)) {
        const authority = AUTHORITIES.find(({ name }) => name === plain(cx[3]?.[0]));
        if (authority) expect(cx[3]).toEqual([authority.name, authority.oid, 'ISO']);
      }
    }
  });

  it('has dates that exist, of whatever precision', () => {
    for (const patient of patients.all()) {
      for (const field of [7, 29]) {
        const [, year, month = '01', day = '01'] =
          /^(\d{4})(\d{2})?(\d{2})?/.exec(plain(fieldOf(patient.pid, field)[0]?.[0]?.[0])) ?? [];
        if (year === undefined) continue;
        const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
        expect(date.toISOString().slice(0, 10)).toBe(`${year}-${month}-${day}`);
      }
    }
  });

  it('survives being written and read again', () => {
    for (const { pid } of patients.all()) expect(parseSegment(writeSegment(pid))).toEqual(pid);
  });

  it('is messy in every way the sandbox promises', () => {
    const pids = patients.all().map(({ pid }) => writeSegment(pid));
    const numbers = patients.all().map((patient) => identifiersOf(patient));
    const some = (expression: RegExp): number => pids.filter((pid) => expression.test(pid)).length;
    expect(
      numbers.filter((ids) => ids.filter(({ authority }) => authority === 'HOSP').length > 1).length,
    ).toBeGreaterThan(0);
    expect(
      numbers.filter((ids) => ids.every(({ authority }) => authority === 'CLINIC')).length,
    ).toBeGreaterThan(1);
    for (const script of ['Cyrillic', 'Greek', 'Han', 'Arabic', 'Hebrew', 'Hiragana|Katakana']) {
      const expression = new RegExp(
        script
          .split('|')
          .map((name) => String.raw`\p{Script=${name}}`)
          .join('|'),
        'u',
      );
      expect(some(expression), script).toBeGreaterThan(0);
    }
    const births = patients.all().map(({ pid }) => plain(fieldOf(pid, 7)[0]?.[0]?.[0]).length);
    expect([...new Set(births)].sort((a, b) => a - b)).toEqual([0, 4, 6, 8, 12]);
    expect(
      patients.all().filter(({ pid }) => plain(fieldOf(pid, 30)[0]?.[0]?.[0]) === 'Y').length,
    ).toBeGreaterThanOrEqual(4);
    expect(patients.all().filter(({ pid }) => fieldOf(pid, 13).length > 3).length).toBeGreaterThan(0);
    const values = records.observations
      .all()
      .map(({ tree }) => text(branch(tree, 'Value'), 'Numeric', 'Number'));
    expect(values.filter((value) => /\.\d*0$/.test(value)).length).toBeGreaterThan(20);
    const units = records.observations
      .all()
      .map(({ tree }) => text(branch(tree, 'Value'), 'Numeric', 'Unit'));
    expect(units).toEqual(expect.arrayContaining(['mg/dL', 'mmol/L']));
  });
});

describe('the number that counts', () => {
  const known = (identifiers: string): string =>
    primaryIdentifier({
      pid: parseSegment(`PID|||${identifiers}`),
      pd1: undefined,
      nk1: [],
      zpi: undefined,
      about: '',
    }).value;

  it.each([
    ['the one of the hospital', 'C1^^^CLINIC~H1^^^HOSP', 'H1'],
    ['not one that was merged away', 'H0^^^HOSP^MR^^2001^2002~H1^^^HOSP', 'H1'],
    ['else the first', 'C1^^^CLINIC~C2^^^CLINIC', 'C1'],
    ['none where there is none', '', ''],
  ])('is %s', (_what, identifiers, expected) => {
    expect(known(identifiers)).toBe(expected);
  });
});

describe('references of the records', () => {
  const pairs: readonly (readonly [string, Table, string, Table])[] = [
    ['an encounter and its appointment', records.encounters, 'ApptNo', records.appointments],
    ['an observation and its visit', records.observations, 'VisitNo', records.encounters],
  ];
  it.each(pairs)('%s belong to one patient', (_what, table, key, target) => {
    const referring = table.all().filter(({ tree }) => text(tree, key) !== '');
    expect(referring.length).toBeGreaterThan(0);
    for (const row of referring)
      expect(target.get(text(row.tree, key))?.patient, row.number).toBe(row.patient);
  });

  it('providers and codes of our own are on our lists', () => {
    const rows: readonly Row[] = [records.appointments, records.encounters, records.allergies].flatMap(
      (table) => table.all(),
    );
    for (const { tree, number } of rows) {
      for (const provider of branches(branch(tree, 'Providers'), 'Provider')) {
        expect(seed.catalogues.providers.has(text(provider, 'ProviderId')), number).toBe(true);
      }
      for (const name of ['ApptType', 'Department', 'Reason', 'VisitType', 'Allergen', 'CancelReason']) {
        const code = text(branch(tree, name), 'Code');
        if (code !== '') expect(seed.catalogues.codes.has(code), `${number} ${name}`).toBe(true);
      }
    }
  });

  it('no provider is booked twice at one time', () => {
    const slots = records.appointments
      .all()
      .filter(({ tree }) => ['BOOKED', 'PEND', 'ARRIVED', 'CHECKEDIN'].includes(text(tree, 'StatusCode')))
      .flatMap(({ tree }) =>
        branches(branch(tree, 'Providers'), 'Provider').map(
          (provider) => `${text(provider, 'ProviderId')} ${text(tree, 'ApptDate')} ${text(tree, 'ApptTime')}`,
        ),
      );
    expect(new Set(slots).size).toBe(slots.length);
  });

  it('every record holds only elements of the WSDL', () => {
    for (const [type, table] of [
      ['Appointment', records.appointments],
      ['Allergy', records.allergies],
      ['Encounter', records.encounters],
      ['Observation', records.observations],
    ] as const) {
      for (const { tree, number } of table.all()) {
        const names = seed.schema.parts(type).map((part) => part.name);
        expect(
          Object.keys(tree).filter((name) => !names.includes(name)),
          number,
        ).toEqual([]);
      }
    }
  });
});
