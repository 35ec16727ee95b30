import type { Sql } from './condition.ts';
import type { Reading } from './reading.ts';

/** What every resource meets. */
export const ALL: Sql = { text: '1', values: [] };

/** The resources, their rid being `x.rid`, that were known when `newestKnown` was asked; undefined: all. */
export function knownUpTo(newest: string | undefined): Sql {
  return newest === undefined ? ALL : { text: 'x.rid <= ?', values: [Number(newest)] };
}

/** The last resource of the file, as long whatever it is: a token tells nothing by its length. */
export function newestKnown(reading: Pick<Reading, 'rids'>): string {
  const [rid = 0] = reading.rids({ text: 'SELECT coalesce(max(rid), 0) FROM resource', values: [] });
  return String(rid).padStart(16, '0');
}
