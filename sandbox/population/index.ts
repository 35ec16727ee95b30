import { mulberry32 } from '../faults/random.ts';
import { FAMILIES, FEMALE, MALE, PLACES, STREETS } from './names.ts';
import { COLUMNS, visitsOf } from './results.ts';

/** People and results in the written form of the seed files (data/patients.psv, data/observations.psv). */
export interface Population {
  /** A PID for each, after one `#` line about them all. */
  readonly patients: string;
  /** Rows, a header before them. */
  readonly observations: string;
}

/** What is said about each of them. */
export const ONE_OF_MANY = 'One of the many';

/** Numbers of the made-up people begin here. */
const FIRST_NUMBER = 200_001;
const SEED = 20_261_122;

/**
 * So many ordinary people with their results, beside the ones of the seed that have a story. Always the same ones: the
 * n-th person does not depend on how many are asked for.
 */
export function createPopulation(count: number): Population {
  const patients = [`# ${ONE_OF_MANY}`];
  const rows: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const random = mulberry32(SEED + i * 7919);
    const number = String(FIRST_NUMBER + i);
    patients.push(person(number, i, random));
    rows.push(...visitsOf(number, i, random));
  }
  return { patients: patients.join('\n'), observations: [COLUMNS.join('|'), ...rows].join('\n') };
}

function pick<T>(list: readonly T[], random: () => number): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error('Nothing to choose from');
  return found;
}

function person(number: string, index: number, random: () => number): string {
  const female = random() < 0.5;
  const given = pick(female ? FEMALE : MALE, random);
  const second = random() < 0.3 ? pick(female ? FEMALE : MALE, random) : '';
  const year = 1932 + Math.floor(random() * 85);
  const born = new Date(Date.UTC(year, 0, 1 + Math.floor(random() * 365))).toISOString().slice(0, 10);
  const [city, postcode] = pick(PLACES, random);
  const fields = [
    'PID',
    '1',
    '',
    `${number}^^^HOSP&2.999.1.1&ISO^MR`,
    '',
    `${FAMILIES[index % FAMILIES.length]}^${given}^${second}^^^^L`,
    '',
    born.replaceAll('-', ''),
    female ? 'F' : 'M',
    '',
    '',
    `${pick(STREETS, random)} ${1 + Math.floor(random() * 90)}^^${city}^^${postcode}^DE^H`,
    '',
    `+49 351 555 ${String(1000 + index).padStart(4, '0')}^PRN^PH`,
  ];
  return fields.join('|');
}
