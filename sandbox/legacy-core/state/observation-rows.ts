import type { Tree } from '../soap/schema.ts';
import { codedOf, providerOf, readRows, type Catalogues, type TableRow } from './catalogues.ts';

/**
 * The rows of observations.psv. Value: digits, `<` and the like before them; `=CODE` a code of the code list; other
 * text as it is. Parts: `SYS=128 mm[Hg];DIA=82 mm[Hg]`. Notes: separated by `;;`. Unit `-` is no unit, empty is the
 * item's usual one.
 */
export function readObservations(file: string, catalogues: Catalogues): Tree[] {
  return readRows(file).map((row) => observation(row, catalogues));
}

function observation(row: TableRow, catalogues: Catalogues): Tree {
  const item = require(catalogues.items, row['Item'], row['ObsNo']);
  const [authority = '', number = ''] = (row['Patient'] ?? '').split(' ');
  const low = row['Low'] ?? '';
  const high = row['High'] ?? '';
  const unit = unitOf(row['Unit'] ?? '', item);
  const range = Object.fromEntries(
    [
      ['Low', low],
      ['High', high],
      ['Unit', low + high === '' ? '' : unit],
      ['Text', row['RangeText'] ?? ''],
    ].filter(([, v]) => v !== ''),
  );
  const parts = (row['Parts'] ?? '').split(';').filter((part) => part !== '');
  const notes = (row['Notes'] ?? '').split(';;').filter((note) => note !== '');
  const value = row['Value'] ?? '';
  const performer = row['Performer'] ?? '';
  const plain = [
    'ObsNo',
    'VisitNo',
    'ObservedOn',
    'ReportedOn',
    'MissingReason',
    'AbnormalFlag',
    'OrderNo',
    'LastModified',
    'Confidentiality',
  ];
  return {
    ...Object.fromEntries(plain.flatMap((name) => (row[name] ? [[name, row[name]]] : []))),
    RowVersion: row['StatusCode'] === 'CORR' ? '2' : '1',
    Patient: { MRN: number, AssigningAuthority: authority },
    Category: item['Category'] ?? '',
    Item: codedOf(item),
    StatusCode: row['StatusCode'] ?? '',
    ...(value === '' ? {} : { Value: readValue(value, unit, catalogues) }),
    ...(Object.keys(range).length > 0 ? { ReferenceRange: range } : {}),
    ...(parts.length > 0 ? { Parts: { Part: parts.map((part) => readPart(part, catalogues)) } } : {}),
    ...(notes.length > 0 ? { Notes: { Note: notes } } : {}),
    ...(item['Specimen']
      ? { Specimen: codedOf(require(catalogues.codes, item['Specimen'], row['ObsNo'])) }
      : {}),
    ...(performer === ''
      ? {}
      : { Performer: providerOf(require(catalogues.providers, performer, row['ObsNo']), 'PRF') }),
  };
}

function unitOf(unit: string, item: TableRow): string {
  if (unit === '-') return '';
  return unit === '' ? (item['Unit'] ?? '') : unit;
}

function readValue(text: string, unit: string, catalogues: Catalogues): Tree {
  const [, comparator = '', digits] = /^(<=|>=|<|>)?(-?\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (digits !== undefined) {
    return {
      Numeric: {
        ...(comparator === '' ? {} : { Comparator: comparator }),
        Number: digits,
        ...(unit === '' ? {} : { Unit: unit }),
      },
    };
  }
  if (text.startsWith('=')) return { Choice: codedOf(require(catalogues.codes, text.slice(1), text)) };
  return { FreeText: text };
}

function readPart(text: string, catalogues: Catalogues): Tree {
  const [, code = '', digits = '', unit = ''] = /^(\w+)=(\S+)(?: (.+))?$/.exec(text) ?? [];
  return { Item: codedOf(require(catalogues.items, code, text)), Value: readValue(digits, unit, catalogues) };
}

function require(
  table: ReadonlyMap<string, TableRow>,
  key: string | undefined,
  where: string | undefined,
): TableRow {
  const row = table.get(key ?? '');
  if (!row) throw new Error(`observations.psv: ${where}: ${key} is in no list`);
  return row;
}
