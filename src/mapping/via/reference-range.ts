import { decimalJson, decimalText } from '../../fhir/json.ts';
import type { Json, JsonObject } from '../../fhir/types.ts';
import { put, stringOf, textOf } from '../authority.ts';
import type { CodeMap } from '../code-map.ts';
import type { Codec } from '../codec.ts';
import { isObject } from '../fhir-path.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { Step } from '../tree.ts';
import { rawText } from './raw-text.ts';
import { unitCodec, type Unit, type UnitPaths } from './units.ts';

/** Where the range, the type of the value and its unit stand: OBX-7, 2 and 6. */
export interface RangePaths {
  readonly range: readonly Step[];
  readonly type: readonly Step[];
  readonly units: UnitPaths;
}

const NUMERIC = new Set(['NM', 'SN', 'NR']);
const NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?`;
const BOTH = new RegExp(String.raw`^(${NUMBER})\s*-\s*(${NUMBER})$`);
const ONE = new RegExp(String.raw`^(<=|>=)\s*(${NUMBER})$`);

/**
 * OBX-7 <-> `Observation.referenceRange`: the text as it stands; also `low` and `high` with the unit of OBX-6, where
 * the text is two numbers or says at least or at most (HL7 v2.5.1 §7.4.2.7). `<5` stays words: the ends of a range are
 * part of it. The field has no components; what a sender puts into some (`>^11.0`, `70^99`) is one text all the same:
 * half of it would say something else.
 */
export function referenceRangeCodec(paths: RangePaths, systems: CodeMap | undefined): Codec {
  const units = unitCodec(paths.units, systems);
  return {
    list: true,
    read(obx, run) {
      const place = descend(obx, paths.range);
      const text = rawText(place);
      if (text === undefined) return undefined;
      // Some say the ends once more behind it: `35-150^35^150`.
      const ends = endsOf(text.trim()) ?? bothOf(textOf(place)?.trim() ?? '');
      return [{ ...(ends && withUnit(ends, units.read(obx, run.quiet))), text }];
    },
    write(value, obx, run) {
      const ranges = Array.isArray(value) ? value : [];
      const said = isObject(ranges[0]) && ranges.length === 1 ? wordsOf(ranges[0]) : undefined;
      if (value !== undefined && said === undefined) return false;
      if (said !== rawText(descend(obx, paths.range))) put(descendTo(obx, paths.range), said);
      const end = isObject(ranges[0]) ? (ranges[0]['low'] ?? ranges[0]['high']) : undefined;
      // The unit is the value's; beside a value that is no number, the range's.
      const free = !NUMERIC.has(textOf(descend(obx, paths.type)) ?? '');
      return free && isObject(end) ? units.write(end, obx, run) : true;
    },
  };
}

interface Ends {
  readonly low?: string;
  readonly high?: string;
}

function bothOf(text: string): Ends | undefined {
  const [, low, high] = BOTH.exec(text) ?? [];
  if (low === undefined || high === undefined) return undefined;
  return Number(low) <= Number(high) ? { low, high } : undefined;
}

function endsOf(text: string): Ends | undefined {
  if (BOTH.test(text)) return bothOf(text);
  const [, sign, end] = ONE.exec(text) ?? [];
  if (end === undefined) return undefined;
  return sign === '>=' ? { low: end } : { high: end };
}

function withUnit({ low, high }: Ends, unit: Unit): JsonObject {
  return {
    ...(low === undefined ? {} : { low: { value: decimalJson(low), ...unit } }),
    ...(high === undefined ? {} : { high: { value: decimalJson(high), ...unit } }),
  };
}

function wordsOf(range: JsonObject): string | undefined {
  const text = stringOf(range['text']);
  if (text !== undefined) return text;
  const [low, high] = [digits(range['low']), digits(range['high'])];
  if (low !== undefined && high !== undefined) return `${low}-${high}`;
  if (low !== undefined) return `>=${low}`;
  return high === undefined ? undefined : `<=${high}`;
}

function digits(end: Json | undefined): string | undefined {
  return isObject(end) ? decimalText(end['value']) : undefined;
}
