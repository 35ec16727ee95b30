import type { DatabaseSync } from 'node:sqlite';
import type { Json, Resource } from '../../fhir/types.ts';
import { sameJson } from '../content.ts';
import { createInserts } from '../inserts.ts';
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
  /** Writes the rows that are not in the file yet. */
  flush(): void;
  /** Forgets what a transaction that was taken back had added, and the rows that are not in the file yet. */
  forget(): void;
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
  ['token_value', ['param', 'code', 'rid', 'system']],
  ['reference_value', ['param', 'target', 'rid']],
  ['text_value', ['param', 'text', 'rid']],
  ['date_value', ['rid', 'param', 'low', 'high', 'patient']],
  ['number_value', ['rid', 'param', 'low', 'high', 'open', 'system', 'code']],
] as const;
const [TOKEN, REFERENCE, TEXT, DATE, NUMBER] = [0, 1, 2, 3, 4];

/** Not of any patient. */
const NOBODY: readonly number[] = [0];

/**
 * Writes index rows: only those of parameters whose values changed, and of these only the rows that are others than
 * before.
 */
export function createIndexWriter(database: DatabaseSync, options: IndexWriterOptions): IndexWriter {
  const { names, indexed } = options;
  const byType = new Map<string, Parameters>();
  const findRows = createRowFinder(options);
  const inserts = TABLES.map(([table, columns]) => createInserts(database, 'IGNORE', table, columns));
  const deletes = TABLES.map(([table, columns]) =>
    database.prepare(`DELETE FROM ${table} WHERE ${columns.map((name) => `${name} = ?`).join(' AND ')}`),
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

  function rowsOf(rid: number, it: Numbered, items: readonly Json[], patients: readonly number[]): Row[] {
    const found = new FoundRows(rid, it, patients, options);
    findRows(it, items, found);
    return found.rows;
  }

  function insert(row: Row): void {
    inserts[row[0]]!.add(row, 1);
  }

  /** A row that goes may be one that waits to be inserted. */
  function drop(row: Row): void {
    const [table, ...values] = row;
    inserts[table]!.drop(row, 1);
    deletes[table]!.run(...values);
  }

  function replace(before: readonly Row[], after: readonly Row[]): void {
    const [old, now] = [before.map(keyOf), after.map(keyOf)];
    const [there, kept] = [new Set(old), new Set(now)];
    for (const [at, row] of before.entries()) if (!kept.has(old[at]!)) drop(row);
    for (const [at, row] of after.entries()) if (!there.has(now[at]!)) insert(row);
  }

  function patientsOf({ all, patientAt }: Parameters, found: readonly Json[][]): readonly number[] {
    if (patientAt < 0) return NOBODY;
    const patients = new FoundPatients(options);
    findRows(all[patientAt]!, found[patientAt]!, patients);
    return patients.rids.length > 0 ? patients.rids : NOBODY;
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
      const moved = before !== undefined && !sameNumbers(patients, before.patients);
      let params = ',';
      let sorts = '';
      const keys: string[] = [];
      for (let at = 0; at < all.length; at += 1) {
        const it = all[at]!;
        const items = found[at]!;
        const old = before?.found[at] ?? NONE;
        const same = before !== undefined && sameJson(old, items);
        if (items.length > 0) params += `${it.param},`;
        const key = (same && before.keys?.[at]) || sortMember(it, items);
        keys.push(key);
        if (key !== '') sorts += sorts === '' ? key : `,${key}`;
        if (it.derived || (same && !(moved && it.type === 'date'))) continue;
        const rows = items.length === 0 ? NO_ROWS : rowsOf(rid, it, items, patients);
        if (before && old.length > 0) replace(rowsOf(rid, it, old, before.patients), rows);
        else for (const row of rows) insert(row);
      }
      return { params, sorts: `{${sorts}}`, indexed: { found, patients, keys } };
    },
    flush() {
      for (const each of inserts) each.flush();
    },
    forget() {
      for (const each of inserts) each.forget();
      // Numbers of their names may have been given in what was taken back.
      byType.clear();
    },
  };
}

const NONE: Json[] = [];
const NO_ROWS: readonly Row[] = [];

type Numbers = Pick<IndexWriterOptions, 'names' | 'ridOf'>;

/** The rows of one parameter of one resource. */
class FoundRows implements RowSink {
  readonly rows: Row[] = [];
  private readonly rid: number;
  private readonly of: Numbered;
  private readonly patients: readonly number[];
  private readonly numbers: Numbers;

  constructor(rid: number, of: Numbered, patients: readonly number[], numbers: Numbers) {
    this.rid = rid;
    this.of = of;
    this.patients = patients;
    this.numbers = numbers;
  }

  token(code: string, system: Value): void {
    this.rows.push([TOKEN, this.of.param, code, this.rid, this.systemNumber(system)]);
  }

  identifier(code: string, system: Value): void {
    this.rows.push([TOKEN, this.of.identifierParam, code, this.rid, this.systemNumber(system)]);
  }

  reference(type: string, id: string): void {
    this.rows.push([REFERENCE, this.of.param, this.numbers.ridOf(type, id), this.rid]);
  }

  text(text: string): void {
    this.rows.push([TEXT, this.of.param, text, this.rid]);
  }

  date(low: string, high: string): void {
    for (const patient of this.patients) this.rows.push([DATE, this.rid, this.of.param, low, high, patient]);
  }

  number({ low, high, open, system, code }: NumberRow): void {
    this.rows.push([NUMBER, this.rid, this.of.param, low, high, open, this.systemNumber(system), code]);
  }

  private systemNumber(system: Value): number {
    return typeof system === 'number' ? system : this.numbers.names.number(system);
  }
}

/** The patients that the rows of one parameter point at, each once. */
class FoundPatients implements RowSink {
  readonly rids: number[] = [];
  private readonly numbers: Numbers;

  constructor(numbers: Numbers) {
    this.numbers = numbers;
  }

  reference(type: string, id: string): void {
    if (type !== 'Patient') return;
    const rid = this.numbers.ridOf(type, id);
    if (!this.rids.includes(rid)) this.rids.push(rid);
  }

  token(): void {}
  identifier(): void {}
  text(): void {}
  date(): void {}
  number(): void {}
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, at) => number === b[at]);
}

/** `"17":["smallest","largest"]` */
function sortMember({ type, param }: Numbered, items: readonly Json[]): string {
  const keys = items.length === 0 ? undefined : sortKeys(type, items);
  return keys ? `"${param}":${JSON.stringify(keys[0] === keys[1] ? [keys[0]] : keys)}` : '';
}

/** Tells rows of one parameter apart. */
function keyOf(row: Row): string {
  let key = '';
  for (const value of row) key += `${value}\u0000`;
  return key;
}
