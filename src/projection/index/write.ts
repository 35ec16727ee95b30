import type { DatabaseSync } from 'node:sqlite';
import type { Json, Resource } from '../../fhir/types.ts';
import { sameJson } from '../content.ts';
import type { Names } from '../names.ts';
import { indexedParameters, parameterName, type IndexedNames, type IndexedParameter } from './parameters.ts';
import { rowsOf, sortKeys, type ParameterRows, type RowContext } from './rows.ts';

/** What the resource's own row has to say for searching. */
export interface IndexSummary {
  /** Numbers of the parameters that find something: `,3,17,`. */
  readonly params: string;
  /** Smallest and largest sort key by parameter, as JSON. */
  readonly sorts: string;
}

export interface IndexWriter {
  /** Brings the rows of a resource from what they were for `before` to what they are for `after`. */
  write(rid: number, before: Resource | undefined, after: Resource): IndexSummary;
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

type Value = string | number;
/** A row of a table, its first value the number of the table. */
type Row = readonly Value[];

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

/** Writes index rows: only those of parameters whose values changed, and of these only the rows that are others than before. */
export function createIndexWriter(database: DatabaseSync, options: IndexWriterOptions): IndexWriter {
  const { names, indexed, ridOf } = options;
  const byType = new Map<string, readonly Numbered[]>();
  const inserts = TABLES.map(([table, columns]) => {
    const marks = columns.replace(/\w+/g, '?');
    return database.prepare(`INSERT OR IGNORE INTO ${table} (${columns}) VALUES (${marks})`);
  });
  const deletes = TABLES.map(([table, columns]) =>
    database.prepare(
      `DELETE FROM ${table} WHERE ${columns.replace(/(\w+)(, )?/g, (_all, name, more) => `${name} = ?${more ? ' AND ' : ''}`)}`,
    ),
  );

  function parametersOf(type: string): readonly Numbered[] {
    const known = byType.get(type);
    if (known) return known;
    const made = indexedParameters(type, indexed).map((it): Numbered => {
      const name = parameterName(type, it.code);
      return { ...it, param: names.number(name), identifierParam: names.number(`${name}:identifier`) };
    });
    byType.set(type, made);
    return made;
  }

  const systemNumber = (system: string | number): number =>
    typeof system === 'number' ? system : names.number(system);

  function tableRows(rid: number, it: Numbered, rows: ParameterRows, patients: readonly number[]): Row[] {
    const { param, identifierParam } = it;
    const all: Row[] = [];
    for (const { code, system } of rows.tokens) all.push([TOKEN, param, code, rid, systemNumber(system)]);
    for (const { code, system } of rows.identifiers)
      all.push([TOKEN, identifierParam, code, rid, systemNumber(system)]);
    for (const { type, id } of rows.references) all.push([REFERENCE, param, ridOf(type, id), rid]);
    for (const text of rows.texts) all.push([TEXT, param, text, rid]);
    for (const { low, high } of rows.dates) {
      for (const patient of patients) all.push([DATE, rid, param, low, high, patient]);
    }
    for (const { low, high, open, system, code } of rows.numbers) {
      all.push([NUMBER, rid, param, low, high, open, systemNumber(system), code]);
    }
    return all;
  }

  function replace(before: readonly Row[], after: readonly Row[]): void {
    if (before.length === 0) {
      for (const row of after) insert(row);
      return;
    }
    const kept = new Set(after.map(keyOf));
    const there = new Set(before.map(keyOf));
    for (const row of before) if (!kept.has(keyOf(row))) remove(row);
    for (const row of after) if (!there.has(keyOf(row))) insert(row);
  }

  const insert = ([table, ...values]: Row): void => void inserts[table as number]!.run(...values);
  const remove = ([table, ...values]: Row): void => void deletes[table as number]!.run(...values);

  function patientsOf(parameters: readonly Numbered[], resource: Resource | undefined): readonly number[] {
    const patient = resource && parameters.find(({ code }) => code === 'patient');
    if (!patient) return NOBODY;
    const { references } = rowsOf(patient, patient.parameter.extract(resource), options);
    const rids = references.filter(({ type }) => type === 'Patient').map(({ type, id }) => ridOf(type, id));
    return rids.length > 0 ? [...new Set(rids)] : NOBODY;
  }

  return {
    write(rid, before, after) {
      const parameters = parametersOf(after.resourceType);
      const patients = patientsOf(parameters, after);
      const patientsBefore = before ? patientsOf(parameters, before) : patients;
      const moved = patients.join() !== patientsBefore.join();
      let params = ',';
      const sorts: Record<string, readonly string[]> = {};
      for (const it of parameters) {
        const items: readonly Json[] = it.parameter.extract(after);
        const old: readonly Json[] = before ? it.parameter.extract(before) : [];
        if (items.length === 0 && old.length === 0) continue;
        if (items.length > 0) {
          params += `${it.param},`;
          const keys = sortKeys(it.type, items);
          if (keys) sorts[it.param] = keys[0] === keys[1] ? [keys[0]] : keys;
        }
        if (it.derived) continue;
        if (sameJson(old as Json[], items as Json[]) && !(moved && it.type === 'date')) continue;
        replace(
          tableRows(rid, it, rowsOf(it, old, options), patientsBefore),
          tableRows(rid, it, rowsOf(it, items, options), patients),
        );
      }
      return { params, sorts: JSON.stringify(sorts) };
    },
  };
}

function keyOf(row: Row): string {
  return row.join('\u0000');
}
