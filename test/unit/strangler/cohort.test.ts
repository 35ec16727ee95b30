import { describe, expect, it } from 'vitest';
import type { Cohort } from '../../../src/ports.ts';
import { checkCohort, cohortInWords, inCohort, isNarrower } from '../../../src/strangler/cohort.ts';
import type { Who } from '../../../src/strangler/cohort.ts';

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const nobody: Who = { type: 'Observation', caller: 'anonymous' };
const patients = Array.from({ length: 20_000 }, (_, n): Who => ({ ...nobody, patient: `patient-${n}` }));
const within = (percent: number, key = KEY, who = patients) =>
  who.filter((one) => inCohort({ percent }, one, key));

describe('a percentage', () => {
  it.each([0.01, 0.5, 1, 5, 10, 25, 50, 99.9])(
    'of %d is close to that share of 20,000 patients',
    (percent) => {
      const expected = patients.length * (percent / 100);
      // Five standard deviations of a binomial.
      const slack = 5 * Math.sqrt(expected * (1 - percent / 100)) + 1;
      expect(Math.abs(within(percent).length - expected)).toBeLessThan(slack);
    },
  );

  it('takes nobody at 0 and everybody at 100', () => {
    expect(within(0)).toEqual([]);
    expect(within(100)).toHaveLength(patients.length);
  });

  it('keeps whoever is in when it grows', () => {
    const steps = [0.1, 1, 5, 10, 20, 33.33, 50, 75, 99.99, 100].map((percent) => new Set(within(percent)));
    for (const [index, smaller] of steps.slice(0, -1).entries()) {
      const larger = steps[index + 1];
      expect([...smaller].filter((who) => !larger?.has(who))).toEqual([]);
    }
  });

  it('always gives the same one the same side, and divides otherwise with another key', () => {
    expect(within(10)).toEqual(within(10));
    const both = new Set(within(10));
    const shared = within(10, OTHER_KEY).filter((who) => both.has(who)).length;
    // A tenth of a tenth.
    expect(shared).toBeGreaterThan(120);
    expect(shared).toBeLessThan(280);
  });

  it('divides each type by itself, and keeps the interactions of a type together', () => {
    const observations = new Set(within(10).map(({ patient }) => patient));
    const appointments = patients.map((who) => ({ ...who, type: 'Appointment' }));
    const shared = within(10, KEY, appointments).filter(({ patient }) => observations.has(patient)).length;
    expect(shared).toBeGreaterThan(120);
    expect(shared).toBeLessThan(280);
  });

  it('goes by the patient, else by the client, else by the caller', () => {
    const sideOf = (who: Partial<Who>) => inCohort({ percent: 50 }, { ...nobody, ...who }, KEY);
    const names = Array.from({ length: 200 }, (_, n) => `n${n}`);
    for (const patient of names.slice(0, 20)) {
      expect(new Set(names.map((client) => sideOf({ patient, client, caller: client }))).size).toBe(1);
    }
    for (const client of names.slice(0, 20)) {
      expect(new Set(names.map((caller) => sideOf({ client, caller }))).size).toBe(1);
    }
    for (const kind of ['patient', 'client', 'caller'] as const) {
      expect(new Set(names.map((name) => sideOf({ [kind]: name }))).size).toBe(2);
    }
  });
});

const EAST = { facility: 'EAST' };
const KIOSK = { client: 'kiosk' };

describe('a cohort', () => {
  it.each<[string, Cohort | undefined, Partial<Who>, boolean]>([
    ['is nobody when there is none', undefined, {}, false],
    ['takes a listed patient', { percent: 0, patients: ['p1'] }, { patient: 'p1' }, true],
    ['leaves another one out', { percent: 0, patients: ['p1'] }, { patient: 'p2' }, false],
    ['takes a listed client', { percent: 0, clients: ['kiosk'] }, KIOSK, true],
    ['takes a listed facility', { percent: 0, facilities: ['EAST'] }, EAST, true],
    ['does not take a client for a facility', { percent: 0, facilities: ['kiosk'] }, KIOSK, false],
    ['takes its percentage of a facility', { percent: 100, within: { facilities: ['EAST'] } }, EAST, true],
    [
      'leaves the other facilities out',
      { percent: 100, within: { facilities: ['EAST'] } },
      { facility: 'WEST' },
      false,
    ],
    ['leaves out who names no facility', { percent: 100, within: { facilities: ['EAST'] } }, {}, false],
    [
      'asks for all restrictions at once',
      { percent: 100, within: { facilities: ['EAST'], clients: ['kiosk'] } },
      EAST,
      false,
    ],
    [
      'takes who meets them all',
      { percent: 100, within: { facilities: ['EAST'], clients: ['kiosk'] } },
      { ...EAST, ...KIOSK },
      true,
    ],
    [
      'takes who is listed whatever the percentage is of',
      { percent: 1, within: { facilities: ['EAST'] }, patients: ['p1'] },
      { patient: 'p1', facility: 'WEST' },
      true,
    ],
  ])('%s', (_name, cohort, who, expected) => {
    expect(inCohort(cohort, { ...nobody, ...who }, KEY)).toBe(expected);
  });

  it.each<[unknown, string]>([
    [undefined, '"cohort" is an object with a percentage.'],
    [[], '"cohort" is an object with a percentage.'],
    [{}, '"cohort.percent" is a number from 0 to 100.'],
    [{ percent: '5' }, '"cohort.percent" is a number from 0 to 100.'],
    [{ percent: Number.NaN }, '"cohort.percent" is a number from 0 to 100.'],
    [{ percent: 100.1 }, '"cohort.percent" is a number from 0 to 100.'],
    [{ percent: -1 }, '"cohort.percent" is a number from 0 to 100.'],
    [{ percent: 5, patient: ['p'] }, '"cohort" has facilities, clients, patients, and no "patient".'],
    [{ percent: 5, clients: 'kiosk' }, '"cohort.clients" is a list of names.'],
    [{ percent: 5, clients: [''] }, '"cohort.clients" is a list of names.'],
    [{ percent: 5, within: ['EAST'] }, '"cohort.within" is an object with facilities or clients.'],
    [
      { percent: 5, within: { patients: ['p'] } },
      '"cohort.within" has facilities, clients, and no "patients".',
    ],
  ])('that is written %o is refused: %s', (written, message) => {
    expect(() => checkCohort(written)).toThrow(expect.objectContaining({ code: 'value-invalid', message }));
  });

  it('is taken as it is written otherwise', () => {
    const cohort = { percent: 0.5, within: { clients: ['kiosk'] }, patients: [], facilities: ['EAST'] };
    expect(checkCohort(cohort)).toEqual(cohort);
  });

  it.each<[string, Cohort, Cohort | undefined, boolean]>([
    ['fewer percent', { percent: 5 }, { percent: 10 }, true],
    ['as many', { percent: 10 }, { percent: 10 }, true],
    ['more percent', { percent: 11 }, { percent: 10 }, false],
    ['anybody at all', { percent: 1 }, undefined, false],
    ['nobody', { percent: 0 }, undefined, true],
    ['a new patient', { percent: 10, patients: ['p1'] }, { percent: 10 }, false],
    ['a patient less', { percent: 10 }, { percent: 10, patients: ['p1'] }, true],
    ['one of its facilities', { percent: 10, within: { facilities: ['E'] } }, { percent: 10 }, true],
    ['of all instead of one', { percent: 10 }, { percent: 10, within: { facilities: ['E'] } }, false],
    [
      'of two facilities instead of one',
      { percent: 10, within: { facilities: ['E', 'W'] } },
      { percent: 10, within: { facilities: ['E'] } },
      false,
    ],
    ['nobody of another', { percent: 0 }, { percent: 10, within: { facilities: ['E'] } }, true],
  ])('with %s is narrower: %#', (_name, after, before, expected) => {
    expect(isNarrower(after, before)).toBe(expected);
  });

  it('is never called narrower when it takes anybody in who was out', () => {
    const cohorts: Cohort[] = [];
    for (const percent of [0, 30, 60])
      for (const facilities of [undefined, ['E'], ['E', 'W']])
        for (const listed of [[], ['patient-1'], ['patient-1', 'patient-2']])
          cohorts.push({ percent, patients: listed, ...(facilities ? { within: { facilities } } : {}) });
    const people = patients
      .slice(0, 60)
      .map((who, n) => ({ ...who, ...(n % 3 === 0 ? {} : { facility: n % 3 === 1 ? 'E' : 'W' }) }));
    let narrower = 0;
    for (const after of cohorts) {
      for (const before of cohorts) {
        if (!isNarrower(after, before)) continue;
        narrower++;
        const added = people.filter((who) => inCohort(after, who, KEY) && !inCohort(before, who, KEY));
        expect([after, before, added]).toEqual([after, before, []]);
      }
    }
    expect(narrower).toBeGreaterThan(cohorts.length);
  });

  it.each<[Cohort | undefined, string]>([
    [undefined, 'nobody'],
    [{ percent: 12.5 }, '12.5 %'],
    [{ percent: 10, within: { facilities: ['EAST'] } }, '10 % of facility EAST'],
    [
      { percent: 5, facilities: ['E', 'W'], clients: ['kiosk'], patients: ['secret-1', 'secret-2'] },
      '5 %, and facilities E, W, client kiosk, 2 patients',
    ],
  ])('is said in words, patients by their number: %#', (cohort, words) => {
    expect(cohortInWords(cohort)).toBe(words);
  });
});
