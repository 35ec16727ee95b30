import type { Json, JsonObject } from '../fhir/types.ts';
import { isObject } from './fhir-path.ts';
import { isCodeText } from './code-text.ts';
import { say, type Codec } from './codec.ts';
import type { Run } from './run.ts';
import type { CodeRow, CodesFile } from './schema.ts';
import { valued, type TreeReader } from './tree.ts';

/** A FHIR code with its system, as a code map gives it. */
export interface MappedCode {
  readonly code: string;
  readonly system: string | undefined;
  readonly display: string | undefined;
}

/** A compiled code map: legacy codes to FHIR codes and back. */
export interface CodeMap {
  readonly name: string;
  /** URI of the legacy codes, when they have one. */
  readonly v2System: string | undefined;
  readonly unknown: CodesFile['unknown'];
  readonly toFhir: ReadonlyMap<string, MappedCode>;
  /** By `system|code` (`|code` where the map has no system). */
  readonly toLegacy: ReadonlyMap<string, string>;
  readonly rows: readonly CodeRow[];
}

/** URI of an HL7 table's codes (FHIR R4 terminologies-systems.html). */
export function tableUri(table: string): string {
  return `http://terminology.hl7.org/CodeSystem/v2-${table}`;
}

/**
 * Compiles a code map; a code that corresponds to several, without a row that is preferred, breaks the law of injective
 * codes and is told to `problem`.
 */
export function compileCodeMap(file: CodesFile, problem: (row: number, message: string) => void): CodeMap {
  const toFhir = new Map<string, MappedCode>();
  const toLegacy = new Map<string, string>();
  for (const [v2, rows] of grouped(file.rows, 'write', (row) => row.v2)) {
    const chosen = choose(rows, 'read', (row) =>
      problem(row, `${v2} reads as several FHIR codes: say which with prefer: read`),
    );
    if (!chosen) continue;
    toFhir.set(v2, { code: chosen.fhir, system: chosen.system ?? file.system, display: chosen.display });
  }
  const fhirKey = (row: CodeRow): string => `${row.system ?? file.system ?? ''}|${row.fhir}`;
  for (const [key, rows] of grouped(file.rows, 'read', fhirKey)) {
    const code = key.slice(key.lastIndexOf('|') + 1);
    const chosen = choose(rows, 'write', (row) =>
      problem(row, `${code} is written as several legacy codes: say which with prefer: write`),
    );
    if (chosen) toLegacy.set(key, chosen.v2);
  }
  const v2System = file.v2System ?? (file.table === undefined ? undefined : tableUri(file.table));
  return { name: file.codes, v2System, unknown: file.unknown, toFhir, toLegacy, rows: file.rows };
}

type Indexed = { readonly row: CodeRow; readonly at: number };

/** Rows by key, without those of only the other direction. */
function grouped(
  rows: readonly CodeRow[],
  other: 'read' | 'write',
  key: (row: CodeRow) => string,
): Map<string, Indexed[]> {
  const groups = new Map<string, Indexed[]>();
  for (const [at, row] of rows.entries()) {
    if (row.only === other) continue;
    const group = groups.get(key(row));
    if (group) group.push({ row, at });
    else groups.set(key(row), [{ row, at }]);
  }
  return groups;
}

function choose(
  rows: readonly Indexed[],
  direction: 'read' | 'write',
  ambiguous: (at: number) => void,
): CodeRow | undefined {
  const preferred = rows.filter(({ row }) => row.prefer === direction || row.prefer === 'both');
  const candidates = preferred.length > 0 ? preferred : rows;
  if (candidates.length > 1) ambiguous(candidates[1]!.at);
  return candidates[0]?.row;
}

/** What a code map yields on the FHIR side of a row. */
export type CodeTarget = 'code' | 'Coding' | 'CodeableConcept';

/** The codec of a row with `code` and a plain legacy code (ID, IS, the text of an element). */
export function codeCodec(map: CodeMap, target: CodeTarget): Codec {
  return {
    read(place, run) {
      const text = place.text();
      if (!valued(text)) return undefined;
      const mapped = map.toFhir.get(text);
      if (mapped) return wrap(mapped, target);
      if (target === 'code' || map.unknown !== 'keep') loseCode(map, place, run);
      return unknown(map, text, target);
    },
    write(value, place) {
      return say(place, value, value === undefined ? undefined : legacyCode(map, value, target));
    },
  };
}

function loseCode({ name, unknown: policy }: CodeMap, place: TreeReader, run: Run): void {
  const kind = policy === 'park' ? 'mapping-needed' : 'unknown-code';
  run.lose(kind, place.location(), `code map ${name}`);
}

function wrap(mapped: MappedCode, target: CodeTarget): Json {
  if (target === 'code') return mapped.code;
  const coding: JsonObject = { code: mapped.code };
  if (mapped.system !== undefined) coding['system'] = mapped.system;
  if (mapped.display !== undefined) coding['display'] = mapped.display;
  return target === 'Coding' ? coding : { coding: [coding] };
}

function unknown(map: CodeMap, text: string, target: CodeTarget): Json | undefined {
  if (target === 'code' || map.unknown === 'refuse') return undefined;
  // What is no code of FHIR (datatypes.html#code) is words.
  if (map.unknown === 'text' || !isCodeText(text)) return target === 'CodeableConcept' ? { text } : undefined;
  return wrap({ code: text, system: map.v2System, display: undefined }, target);
}

/** The legacy code of a FHIR code, Coding or CodeableConcept; undefined when the map does not know it. */
export function legacyCode(map: CodeMap, value: Json, target: CodeTarget): string | undefined {
  if (target === 'code')
    return typeof value === 'string' ? (map.toLegacy.get(`|${value}`) ?? bare(map, value)) : undefined;
  const codings = target === 'Coding' ? [value] : isObject(value) ? value['coding'] : undefined;
  for (const coding of Array.isArray(codings) ? codings : []) {
    if (!isObject(coding) || typeof coding['code'] !== 'string') continue;
    const system = typeof coding['system'] === 'string' ? coding['system'] : '';
    const known = map.toLegacy.get(`${system}|${coding['code']}`);
    if (known !== undefined) return known;
    if (map.unknown === 'keep' && system === (map.v2System ?? '')) return coding['code'];
  }
  if (map.unknown === 'text' && isObject(value) && typeof value['text'] === 'string') return value['text'];
  return undefined;
}

/** A bare code in a map whose rows name systems. */
function bare(map: CodeMap, code: string): string | undefined {
  for (const [key, legacy] of map.toLegacy) if (key.endsWith(`|${code}`)) return legacy;
  return undefined;
}

/**
 * Translates the coded value that `codec` reads (a Coding or CodeableConcept made from CE, CWE, CNE or XML): a coding
 * of the legacy table, or without a system, becomes the FHIR code; on the way back it becomes the legacy code again.
 */
export function translated(
  codec: Codec,
  map: CodeMap,
  target: 'Coding' | 'CodeableConcept',
  saysSystem: SaysSystem,
): Codec {
  return {
    read(place, run) {
      const value = codec.read(place, run);
      if (value === undefined) return value;
      const bare = !saysSystem(place);
      const coding = firstCoding(value, target, (it, at) => isLegacy(map, it, bare && at === 0));
      if (!coding) return value;
      const mapped = map.toFhir.get(coding['code'] as string);
      if (mapped) {
        coding['code'] = mapped.code;
        if (mapped.system !== undefined) coding['system'] = mapped.system;
        coding['display'] ??= mapped.display;
        return value;
      }
      if (map.unknown !== 'keep') loseCode(map, place, run);
      return keepUnknown(value, coding, map, target);
    },
    write(value, place, run) {
      return codec.write(value === undefined ? undefined : untranslate(value, map, target), place, run);
    },
  };
}

/** Whether a place names the coding system of its first code, known or not. */
export type SaysSystem = (place: TreeReader) => boolean;

/** CE, CWE, CNE: the system stands two components behind its code. */
export const codedElementSaysSystem: SaysSystem = (place) => {
  const first = [1, 4, 10].find((part) => valued(place.child(part).text()));
  return first === undefined || valued(place.child(first + 2).text());
};

function firstCoding(
  value: Json,
  target: 'Coding' | 'CodeableConcept',
  accept: (coding: JsonObject, at: number) => boolean,
): JsonObject | undefined {
  const codings = target === 'Coding' ? [value] : isObject(value) ? value['coding'] : undefined;
  return Array.isArray(codings)
    ? codings.find((it, at): it is JsonObject => isObject(it) && accept(it, at))
    : undefined;
}

/** A code of the field's own table: one that says so, or, when `bare`, one that says no system. */
function isLegacy(map: CodeMap, coding: JsonObject, bare: boolean): boolean {
  if (typeof coding['code'] !== 'string') return false;
  return coding['system'] === undefined ? bare : coding['system'] === map.v2System;
}

function keepUnknown(
  value: Json,
  coding: JsonObject,
  map: CodeMap,
  target: 'Coding' | 'CodeableConcept',
): Json | undefined {
  if (map.unknown === 'keep') {
    if (coding['system'] === undefined && map.v2System !== undefined) coding['system'] = map.v2System;
    return value;
  }
  if (target === 'Coding' || !isObject(value)) return undefined;
  if (map.unknown === 'text') {
    const said = coding['display'] ?? coding['code'];
    return { ...value, coding: without(value['coding'], coding), text: value['text'] ?? said };
  }
  const rest = without(value['coding'], coding);
  const { coding: _gone, ...others } = value;
  const left: JsonObject = rest === undefined ? others : { ...others, coding: rest };
  return Object.keys(left).length === 0 ? undefined : left;
}

function without(codings: Json | undefined, coding: JsonObject): Json[] | undefined {
  const rest = Array.isArray(codings) ? codings.filter((it) => it !== coding) : [];
  return rest.length === 0 ? undefined : rest;
}

function untranslate(value: Json, map: CodeMap, target: 'Coding' | 'CodeableConcept'): Json {
  const known = (coding: JsonObject): boolean => map.toLegacy.has(codingKey(coding));
  const coding = firstCoding(value, target, known);
  if (!coding) return value;
  const legacy: JsonObject = { ...coding, code: map.toLegacy.get(codingKey(coding)) };
  if (map.v2System === undefined) delete legacy['system'];
  else legacy['system'] = map.v2System;
  if (target === 'Coding' || !isObject(value)) return legacy;
  return { ...value, coding: (value['coding'] as Json[]).map((it) => (it === coding ? legacy : it)) };
}

function codingKey(coding: JsonObject): string {
  const system = typeof coding['system'] === 'string' ? coding['system'] : '';
  return `${system}|${typeof coding['code'] === 'string' ? coding['code'] : ''}`;
}
