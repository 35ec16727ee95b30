import type { Json, JsonObject } from '../../fhir/types.ts';
import { stringOf, textOf } from '../authority.ts';
import type { CodeMap } from '../code-map.ts';
import { isObject } from '../fhir-path.ts';
import type { Run } from '../run.ts';
import type { TreeReader, TreeWriter } from '../tree.ts';
import {
  digitsOf,
  isPlain,
  quantityOf,
  readNumber,
  unitCodec,
  type UnitCodec,
  type UnitPaths,
} from './units.ts';

/** `Observation.value[x]` by its JSON name. */
export type ValueProperty =
  | 'valueQuantity'
  | 'valueRange'
  | 'valueRatio'
  | 'valueString'
  | 'valueCodeableConcept'
  | 'valueDateTime'
  | 'valueTime'
  | 'valuePeriod'
  | 'valueAttachment';

/** One way in which OBX-5 says a value. */
export interface Form {
  readonly property: ValueProperty;
  /** OBX-2, the one to write first. */
  readonly types: readonly string[];
  readonly read: (place: TreeReader, obx: TreeReader, run: Run) => Json | undefined;
  readonly write: (value: Json, place: TreeWriter, obx: TreeWriter, run: Run) => boolean;
}

/** FHIR R4 quantity-comparator. */
const COMPARATORS = new Set(['<', '<=', '>=', '>']);

/**
 * NM, SN and NR: numbers with the unit of OBX-6. v2-to-FHIR, data types NM[Quantity], SN[Quantity], SN[Range],
 * SN[Ratio], NR[Range].
 */
export function numberForms(paths: UnitPaths, systems: CodeMap | undefined): readonly Form[] {
  const units = unitCodec(paths, systems);
  return [
    plainForm(units),
    structuredForm(units),
    rangeForm(units),
    spanForm(units),
    ratioForm(units),
    structuredText(units),
  ];
}

/** `NM|1.50`. */
function plainForm(units: UnitCodec): Form {
  return {
    property: 'valueQuantity',
    types: ['NM'],
    read(place, obx, run) {
      const value = place.steps().length === 0 ? readNumber(place, run.quiet) : undefined;
      return value === undefined ? undefined : quantityOf(value, units.read(obx, run));
    },
    write(value, place, obx, run) {
      const digits = digitsOf(value);
      if (!isObject(value) || digits === undefined || !isPlain(value)) return false;
      place.set(digits);
      return units.write(value, obx, run);
    },
  };
}

interface Structured {
  readonly comparator: string;
  readonly separator: string;
  readonly first: Json | undefined;
  readonly second: Json | undefined;
}

function readStructured(place: TreeReader, run: Run): Structured {
  const text = (part: number): string => textOf(place.child(part))?.trim() ?? '';
  return {
    comparator: text(1),
    separator: text(3),
    first: readNumber(place.child(2), run.quiet),
    second: readNumber(place.child(4), run.quiet),
  };
}

function writeStructured(place: TreeWriter, texts: readonly string[]): void {
  place.set('');
  for (const [at, text] of texts.entries()) if (text !== '') place.child(at + 1).set(text);
}

/** `SN|^5`, `SN|<^5`. */
function structuredForm(units: UnitCodec): Form {
  return {
    property: 'valueQuantity',
    types: ['SN'],
    read(place, obx, run) {
      const { comparator, separator, first, second } = readStructured(place, run);
      if (
        first === undefined ||
        separator !== '' ||
        second !== undefined ||
        textOf(place.child(4)) !== undefined
      )
        return undefined;
      const known = COMPARATORS.has(comparator);
      if (!known && comparator !== '' && comparator !== '=') return undefined;
      return { value: first, ...(known ? { comparator } : {}), ...units.read(obx, run) };
    },
    write(value, place, obx, run) {
      const digits = digitsOf(value);
      if (!isObject(value) || digits === undefined) return false;
      const { comparator, ...plain } = value;
      if (!isPlain(plain)) return false;
      writeStructured(place, [stringOf(comparator) ?? '', digits]);
      return units.write(value, obx, run);
    },
  };
}

/** `SN|^10^-^20`: both ends have the unit of OBX-6. */
function rangeForm(units: UnitCodec): Form {
  return {
    property: 'valueRange',
    types: ['SN'],
    read(place, obx, run) {
      const { comparator, separator, first, second } = readStructured(place, run);
      if (separator !== '-' || (comparator !== '' && comparator !== '=')) return undefined;
      return first === undefined || second === undefined
        ? undefined
        : rangeOf(first, second, units.read(obx, run));
    },
    write: (value, place, obx, run) => {
      const [low, high] = endsOf(value);
      if (low === undefined || high === undefined) return false;
      writeStructured(place, ['', low, '-', high]);
      return units.write(unitOf(value), obx, run);
    },
  };
}

/** `NR|10^20`. */
function spanForm(units: UnitCodec): Form {
  return {
    property: 'valueRange',
    types: ['NR'],
    read(place, obx, run) {
      const [low, high] = [readNumber(place.child(1), run.quiet), readNumber(place.child(2), run.quiet)];
      return low === undefined && high === undefined ? undefined : rangeOf(low, high, units.read(obx, run));
    },
    write(value, place, obx, run) {
      const [low = '', high = ''] = endsOf(value);
      if (low === '' && high === '') return false;
      writeStructured(place, [low, high]);
      return units.write(unitOf(value), obx, run);
    },
  };
}

/** `SN|^1^:^128`: a ratio has a colon or a slash; a new one gets the colon. */
function ratioForm(units: UnitCodec): Form {
  return {
    property: 'valueRatio',
    types: ['SN'],
    read(place, obx, run) {
      const { comparator, separator, first, second } = readStructured(place, run);
      if ((separator !== ':' && separator !== '/') || first === undefined || second === undefined)
        return undefined;
      const known = COMPARATORS.has(comparator);
      if (!known && comparator !== '' && comparator !== '=') return undefined;
      const unit = units.read(obx, run);
      return {
        numerator: { value: first, ...(known ? { comparator } : {}), ...unit },
        denominator: { value: second, ...unit },
      };
    },
    write(value, place, obx, run) {
      if (!isObject(value)) return false;
      const [first, second] = [digitsOf(value['numerator']), digitsOf(value['denominator'])];
      if (first === undefined || second === undefined) return false;
      const comparator = stringOf((value['numerator'] as JsonObject)['comparator']) ?? '';
      const separator = textOf(place.child(3)) === '/' ? '/' : ':';
      writeStructured(place, [comparator, first, separator, second]);
      return units.write(value['numerator'] as JsonObject, obx, run);
    },
  };
}

/** Anything else that SN says (`<>`, `2+`): its parts and the unit as words. Read only; a text is written as one. */
function structuredText(units: UnitCodec): Form {
  return {
    property: 'valueString',
    types: ['SN'],
    read(place, obx, run) {
      const parts = [1, 2, 3, 4].map((part) => textOf(place.child(part)));
      if (parts.every((part) => part === undefined)) return undefined;
      const { unit } = units.read(obx, run.quiet);
      return [...parts, stringOf(unit)].filter((part) => part !== undefined).join(' ');
    },
    write: () => false,
  };
}

function rangeOf(low: Json | undefined, high: Json | undefined, unit: JsonObject): JsonObject {
  return {
    ...(low === undefined ? {} : { low: { value: low, ...unit } }),
    ...(high === undefined ? {} : { high: { value: high, ...unit } }),
  };
}

function endsOf(range: Json): readonly [string | undefined, string | undefined] {
  return isObject(range) ? [digitsOf(range['low']), digitsOf(range['high'])] : [undefined, undefined];
}

/** The unit of both ends; what they do not agree on does not come back, and is told. */
function unitOf(range: Json): JsonObject | undefined {
  const end = isObject(range) ? (range['low'] ?? range['high']) : undefined;
  return isObject(end) ? end : undefined;
}
