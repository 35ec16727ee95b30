import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MappingSet } from '../mapping/mapping-set.ts';
import { fateOf } from './guide-fate.ts';
import { GUIDE } from './guide.ts';
import type { TableRow } from './guide.ts';

/** What became of the rows of one table. */
export interface TableFigures {
  /** `PID[Patient]` */
  readonly table: string;
  /** Empty: no map answers for it. */
  readonly maps: readonly string[];
  readonly mapped: number;
  /** Rows that a file says why not to map. */
  readonly reasoned: readonly TableRow[];
  readonly missing: readonly TableRow[];
}

/** Names of the tables of segments in a folder of the guide (its `mappings`), e.g. `PID[Patient]`. */
export function tableNames(folder: string): string[] {
  return globSync('segments/HL7 Segment - FHIR R4_ *.csv', { cwd: folder })
    .flatMap((path) => /R4_ ([A-Z0-9]{3}\[[^\]]+\])/.exec(path)?.[1] ?? [])
    .toSorted();
}

/** The rows of a table that name a FHIR element. @throws Error when the folder has no such table */
export function tableRows(folder: string, table: string): TableRow[] {
  const name = `HL7 Segment - FHIR R4_ ${table} - *.csv`.replaceAll(/[[\]]/g, (bracket) => `[${bracket}]`);
  const [path] = globSync(`segments/${name}`, { cwd: folder });
  if (path === undefined) throw new Error(`${folder} has no table ${table}`);
  return parseCsv(readFileSync(join(folder, path), 'utf8')).flatMap((cells): TableRow[] => {
    const [field, target] = [cells[1]?.trim() ?? '', cells[9]?.trim() ?? ''];
    return /^[A-Z][A-Z0-9]{2}(-\d+)?$/.test(field) && target !== '' ? [{ field, target }] : [];
  });
}

/** RFC 4180: quoted cells may hold commas, line ends and doubled quotes. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const match of text.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/g)) {
    const [whole, cell, end] = match;
    if (whole === '' && row.length === 0) break;
    row.push(cell!.startsWith('"') ? cell!.slice(1, -1).replaceAll('""', '"') : cell!);
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** Measures the maps that answer for a table against its rows. */
export function figuresOf(set: MappingSet, folder: string, table: string): TableFigures {
  const answer = GUIDE.find((one) => one.table === table);
  const rows = tableRows(folder, table);
  if (!answer) return { table, maps: [], mapped: 0, reasoned: [], missing: rows };
  const fates = Map.groupBy(rows, (row) => fateOf(set, answer, row));
  return {
    table,
    maps: answer.maps,
    mapped: fates.get('mapped')?.length ?? 0,
    reasoned: fates.get('reasoned') ?? [],
    missing: fates.get('missing') ?? [],
  };
}
