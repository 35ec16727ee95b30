import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Json, Resource } from '../../fhir/types.ts';
import { sameJson } from '../content.ts';
import type { Names } from '../names.ts';
import { indexedParameters, parameterName, type IndexedNames, type IndexedParameter } from './parameters.ts';
import { createRowFinder, sortKeys, type NumberRow, type RowContext, type RowSink } from './rows.ts';

/** What the parameters of a resource's type found in it, and what its own row has to say for searching. */
export interface Indexed {
  /** Values by parameter, in the order of the type's parameters. */
  readonly found: readonly Json[][];
  /** Numbers of the patients that it is of. */
  readonly patients: readonly number[];
  /** Its sort keys by parameter, each as a member of `sorts`; empty: it has none. Absent: not asked for. */
  readonly keys?: readonly string[];
}

/** What the resource's own row has to say for searching. */
export interface IndexSummary {
  /** Numbers of the parameters that find something: `,3,17,`. */
  readonly params: string;
  /** Smallest and largest sort key by parameter, as JSON. */
  readonly sorts: string;
}

export interface IndexWriter {
  /** What there is to know of a resource that the index has already. */
  read(resource: Resource): Indexed;
  /**
   * Brings the rows of a resource from what they were `before`, for a resource of the same type, to what they are for
   * `after`.
   */
  write(
    rid: number,
    before: Indexed | undefined,
    after: Resource,
  ): IndexSummary & { readonly indexed: Indexed };
}

export interface IndexWriterOptions extends RowContext {
  readonly names: Names;
  readonly indexed: IndexedNames;
  /** Number of a resource, known or only referred to. */
  readonly ridOf: (type: string, id: string) => number;
}

interface Numbered extends IndexedParameter {
  readonly param: number;
  readonly identifierParam: number;
}

interface Parameters {
  readonly all: readonly Numbered[];
  /** Where `patient` stands among them; -1: there is none. */
  readonly patientAt: number;
}

type Value = string | number;
/** A row of a table, its first value the number of the table. */
type Row = readonly [table: number, ...values: Value[]];

const TABLES = [
  ['token_value', 'param, code, rid, system'],
  ['reference_value', 'param, target, rid'],
  ['text_value', 'param, text, rid'],
  ['date_value', 'rid, param, low, high, patient'],
  ['number_value', 'rid, param, low, high, open, system, code'],
] as const;
const [TOKEN, REFERENCE, TEXT, DATE, NUMBER] = [0, 1, 2, 3, 4];

/** Not of any patient. */
const NOBODY: readonly number[] = [0];

/**
 * Writes index rows: only those of parameters whose values changed, and of these only the rows that are others than
 * before.
 */
export function createIndexWriter(database: DatabaseSync, options: IndexWriterOptions): IndexWriter {
  const { names, indexed, ridOf } = options;
  const byType = new Map<string, Parameters>();
  const findRows = createRowFinder(options);
  const inserts = TABLES.map(([table, columns]) => {
    const marks = columns.replace(/\w+/g, '?');
    return database.prepare(`INSERT OR IGNORE INTO ${table} (${columns}) VALUES (${marks})`);
  });
  const deletes = TABLES.map(([table, columns]) =>
    database.prepare(
      `DELETE FROM ${table} WHERE ${columns.replace(/(\w+)(, )?/g, (_all, name, more) => `${name} = ?${more ? ' AND ' : ''}`)}`,
    ),
  );

  function parametersOf(type: string): Parameters {
    const known = byType.get(type);
    if (known) return known;
    const all = indexedParameters(type, indexed).map((it): Numbered => {
      const name = parameterName(type, it.code);
      return { ...it, param: names.number(name), identifierParam: names.number(`${name}:identifier`) };
    });
    const made = { all, patientAt: all.findIndex(({ code }) => code === 'patient') };
    byType.set(type, made);
    return made;
  }

  const systemNumber = (system: Value): number =>
    typeof system === 'number' ? system : names.number(system);

  function rowsOf(rid: number, it: Numbered, items: readonly Json[], patients: readonly number[]): Row[] {
    const { param, identifierParam } = it;
    const rows: Row[] = [];
    const sink: RowSink = {
      token: (code, system) => void rows.push([TOKEN, param, code, rid, systemNumber(system)]),
      identifier: (code, system) => void rows.push([TOKEN, identifierParam, code, rid, systemNumber(system)]),
      reference: (type, id) => void rows.push([REFERENCE, param, ridOf(type, id), rid]),
      text: (text) => void rows.push([TEXT, param, text, rid]),
      date(low, high) {
        for (const patient of patients) rows.push([DATE, rid, param, low, high, patient]);
      },
      number: ({ low, high, open, system, code }: NumberRow) =>
        void rows.push([NUMBER, rid, param, low, high, open, systemNumber(system), code]),
    };
    findRows(it, items, sink);
    return rows;
  }

  function replace(before: readonly Row[], after: readonly Row[]): void {
    const kept = new Set(after.map(keyOf));
    const there = new Set(before.map(keyOf));
    for (const row of before) if (!kept.has(keyOf(row))) run(deletes, row);
    for (const row of after) if (!there.has(keyOf(row))) run(inserts, row);
  }

  function patientsOf({ all, patientAt }: Parameters, found: readonly Json[][]): readonly number[] {
    if (patientAt < 0) return NOBODY;
    const rids = new Set<number>();
    const sink: RowSink = {
      ...NO_ROWS,
      reference: (type, id) => void (type === 'Patient' && rids.add(ridOf(type, id))),
    };
    findRows(all[patientAt]!, found[patientAt]!, sink);
    return rids.size > 0 ? [...rids] : NOBODY;
  }

  function read(resource: Resource): Indexed {
    const parameters = parametersOf(resource.resourceType);
    const found = parameters.all.map((it) => it.parameter.extract(resource));
    return { found, patients: patientsOf(parameters, found) };
  }

  return {
    read,
    write(rid, before, after) {
      const { all } = parametersOf(after.resourceType);
      const { found, patients } = read(after);
      const moved = before !== undefined && patients.join() !== before.patients.join();
      let params = ',';
      const keys: string[] = [];
      for (const [at, it] of all.entries()) {
        const items = found[at]!;
        const old = before?.found[at] ?? [];
        const same = before !== undefined && sameJson(old, items);
        if (items.length > 0) params += `${it.param},`;
        keys.push((same && before.keys?.[at]) || sortMember(it, items));
        if (it.derived || (same && !(moved && it.type === 'date'))) continue;
        const rows = items.length === 0 ? [] : rowsOf(rid, it, items, patients);
        if (before && old.length > 0) replace(rowsOf(rid, it, old, before.patients), rows);
        else for (const row of rows) run(inserts, row);
      }
      const sorts = `{${keys.filter((member) => member !== '').join(',')}}`;
      return { params, sorts, indexed: { found, patients, keys } };
    },
  };
}

const nothing = (): void => undefined;
const NO_ROWS: RowSink = {
  token: nothing,
  identifier: nothing,
  reference: nothing,
  text: nothing,
  date: nothing,
  number: nothing,
};

/** `"17":["smallest","largest"]` */
function sortMember({ type, param }: Numbered, items: readonly Json[]): string {
  const keys = items.length === 0 ? undefined : sortKeys(type, items);
  return keys ? `"${param}":${JSON.stringify(keys[0] === keys[1] ? [keys[0]] : keys)}` : '';
}

function run(statements: readonly StatementSync[], [table, ...values]: Row): void {
  statements[table]!.run(...values);
}

function keyOf(row: Row): string {
  return row.join('\u0000');
}
