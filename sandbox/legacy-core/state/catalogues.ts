import { SchemaError, type Schema, type Tree, type Value } from '../soap/schema.ts';

export type TableRow = Readonly<Record<string, string>>;

/** The code lists and staff of the hospital, from psv files. */
export interface Catalogues {
  /** Appointment types, departments, reasons, allergens, ... */
  readonly codes: ReadonlyMap<string, TableRow>;
  readonly providers: ReadonlyMap<string, TableRow>;
  /** What can be measured. */
  readonly items: ReadonlyMap<string, TableRow>;
}

/** Pipe separated values with a header line; `#` begins a comment. Throws when a key is there twice. */
export function readTable(file: string, key: string): Map<string, TableRow> {
  const rows = new Map<string, TableRow>();
  for (const row of readRows(file)) {
    const name = row[key] ?? '';
    if (name === '' || rows.has(name))
      throw new Error(`The table has ${key} ${name} twice, or a row without it`);
    rows.set(name, row);
  }
  return rows;
}

/** The rows of a psv file, in their order. */
export function readRows(file: string): TableRow[] {
  const lines = file.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const columns = (lines[0] ?? '').split('|');
  return lines.slice(1).map((line) => {
    const cells = line.split('|');
    if (cells.length > columns.length) throw new Error(`A row has more cells than the header: ${cells[0]}`);
    return Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? '']));
  });
}

const CODED = ['Code', 'Text', 'CodingScheme', 'AltCode', 'AltText', 'AltCodingScheme'] as const;

/** A Coded of the WSDL from a row of a code list. */
export function codedOf(row: TableRow): Tree {
  const withScheme: TableRow = { CodingScheme: 'L', ...row };
  return Object.fromEntries(CODED.flatMap((name) => (withScheme[name] ? [[name, withScheme[name]]] : [])));
}

/** A Provider of the WSDL from the staff list. */
export function providerOf(row: TableRow, role: string): Tree {
  const name = Object.fromEntries(
    ['Last', 'First', 'Title'].flatMap((part) => (row[part] ? [[part, row[part]]] : [])),
  );
  return { ProviderId: row['ProviderId'] ?? '', Name: name, ...(role === '' ? {} : { Role: role }) };
}

/**
 * Records in the data files are written short: a code stands for its row of the list (`CARD`), a provider for his
 * (`P101 ATT`), a place is `SITE/WARD/ROOM/BED`, a patient `HOSP 100001`, a list of texts or records is a YAML list.
 * The expander makes them whole and checks them against the WSDL.
 */
export function createExpander(
  schema: Schema,
  catalogues: Catalogues,
): (type: string, input: unknown, where: string) => Tree {
  const expand = (type: string, input: unknown, where: string): Tree => {
    if (typeof input === 'string') return short(type, input, where);
    if (Array.isArray(input)) return expandList(type, input, where);
    if (typeof input !== 'object' || input === null)
      throw new SchemaError(`${where}: ${type} is not understood`);
    const tree: Record<string, Value> = {};
    for (const [name, given] of Object.entries(input)) {
      const part = schema.parts(type).find((each) => each.name === name);
      if (!part) throw new SchemaError(`${where}: ${type} has no ${name}`);
      const one = (value: unknown): string | Tree =>
        part.type === undefined ? String(value) : expand(part.type, value, `${where} ${name}`);
      tree[name] = part.many && Array.isArray(given) ? given.map(one) : one(given);
    }
    const missing = schema
      .parts(type)
      .find((part) => part.required && !(part.name in tree) && part.name !== 'RowVersion');
    if (missing) throw new SchemaError(`${where}: ${type} needs ${missing.name}`);
    return schema.parts(type).some((part) => part.name === 'RowVersion')
      ? { RowVersion: '1', ...tree }
      : tree;
  };
  /** `ProviderList` and its like: a YAML list stands for the one repeated element inside. */
  const expandList = (type: string, list: readonly unknown[], where: string): Tree => {
    const [part] = schema.parts(type);
    if (!part?.many) throw new SchemaError(`${where}: ${type} is no list`);
    return expand(type, { [part.name]: list }, where);
  };
  const short = (type: string, input: string, where: string): Tree => {
    const [first = '', second = ''] = input.split(' ');
    if (type === 'PatientRef') return { AssigningAuthority: first, MRN: second };
    if (type === 'Provider') return providerOf(lookUp(catalogues.providers, first, where), second);
    if (type === 'Coded')
      return codedOf(catalogues.items.get(input) ?? lookUp(catalogues.codes, input, where));
    if (type === 'Place') {
      const names = ['SiteCode', 'Ward', 'Room', 'Bed'];
      const parts = input.split('/');
      return Object.fromEntries(names.flatMap((name, i) => (parts[i] ? [[name, parts[i]]] : [])));
    }
    throw new SchemaError(`${where}: ${type} has no short form`);
  };
  return expand;
}

function lookUp(table: ReadonlyMap<string, TableRow>, key: string, where: string): TableRow {
  const row = table.get(key);
  if (!row) throw new SchemaError(`${where}: ${key} is in no list`);
  return row;
}
