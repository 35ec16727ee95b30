import { decimalText } from '../../fhir/json.ts';
import type { Json, JsonObject } from '../../fhir/types.ts';
import { put, stringOf, textOf } from '../authority.ts';
import type { CodeMap } from '../code-map.ts';
import { isCodeText } from '../code-text.ts';
import type { Codec } from '../codec.ts';
import { isObject } from '../fhir-path.ts';
import { primitiveCodec } from '../primitive.ts';
import type { Run } from '../run.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { Step, TreeReader, TreeWriter } from '../tree.ts';
import { codingSystemCodec } from './coding-system.ts';

/** Where a coded unit stands: the components of a CE or CWE. */
export interface UnitPaths {
  readonly code: readonly Step[];
  readonly text: readonly Step[];
  readonly system: readonly Step[];
}

/** A unit as a Quantity says it. */
export type Unit = { readonly unit?: Json; readonly system?: Json; readonly code?: Json };

/** A coded unit <-> `Quantity.unit`, `.system` and `.code`. v2-to-FHIR, data type CWE[Quantity]. */
export interface UnitCodec {
  /** A code needs the system that it is of (FHIR R4 Quantity, qty-3); without one it is the words. */
  readonly read: (place: TreeReader, run: Run) => Unit;
  /** False when the place cannot say the unit. */
  readonly write: (quantity: JsonObject | undefined, place: TreeWriter, run: Run) => boolean;
}

/** A power of ten whose `^` nobody escaped: `10^3/uL` is read as code `10` and text `3/uL`. */
const TEN = /^[x*]? ?10$/i;
const POWER = /^-?\d{1,2}(?:$|[ /.*])/;

const NO_UNIT: Unit = {};

const UNIT = ['unit', 'system', 'code'] as const;

/** Makes the codec of a unit at `paths`. */
export function unitCodec(paths: UnitPaths, systems: CodeMap | undefined): UnitCodec {
  const names = codingSystemCodec(systems);
  const read: UnitCodec['read'] = (place, run) => {
    const code = textOf(descend(place, paths.code));
    const text = textOf(descend(place, paths.text));
    if (code !== undefined && text !== undefined && code.endsWith('10') && TEN.test(code) && POWER.test(text))
      return { unit: `${code}^${text}` };
    const words = text ?? code;
    const system =
      code === undefined || !isCodeText(code) ? undefined : names.read(descend(place, paths.system), run);
    if (words === undefined) return NO_UNIT;
    return system === undefined ? { unit: words } : { unit: words, system, code: code! };
  };
  return {
    read,
    write(quantity, place, run) {
      const now: Unit = read(place, run.quiet);
      if (quantity && UNIT.every((name) => now[name] === quantity[name])) return true;
      const unit = stringOf(quantity?.['unit']);
      const code = stringOf(quantity?.['code']);
      if (
        !names.write(
          code === undefined ? undefined : quantity?.['system'],
          descendTo(place, paths.system),
          run,
        )
      )
        return false;
      put(descendTo(place, paths.code), code ?? unit);
      put(descendTo(place, paths.text), code === undefined || unit === code ? undefined : unit);
      return true;
    },
  };
}

const NUMBER = primitiveCodec('decimal', { syntax: 'v2' });

/** A number at a place; the digits are kept. */
export function readNumber(place: TreeReader, run: Run): Json | undefined {
  return NUMBER.read(place, run);
}

/** The digits of a number that a Quantity has; undefined when it has none. */
export function digitsOf(quantity: Json | undefined): string | undefined {
  return isObject(quantity) ? decimalText(quantity['value']) : undefined;
}

/** A Quantity of a number and its unit. */
export function quantityOf(value: Json, { unit, system, code }: Unit): JsonObject {
  const quantity: JsonObject = { value };
  if (unit !== undefined) quantity['unit'] = unit;
  if (system !== undefined) quantity['system'] = system;
  if (code !== undefined) quantity['code'] = code;
  return quantity;
}

/** Members of a Quantity that a number and a unit can say. */
const SAYABLE = new Set(['value', 'unit', 'system', 'code']);

/** Whether a Quantity has nothing but a number and a unit. */
export function isPlain(quantity: JsonObject): boolean {
  return Object.keys(quantity).every((name) => SAYABLE.has(name) || quantity[name] === undefined);
}

/** A number and a unit in two places <-> a Quantity. A unit without a number says nothing. */
export function quantityCodec(value: readonly Step[], paths: UnitPaths, systems: CodeMap | undefined): Codec {
  const units = unitCodec(paths, systems);
  return {
    read(place, run) {
      const number = readNumber(descend(place, value), run);
      return number === undefined ? undefined : quantityOf(number, units.read(place, run));
    },
    write(quantity, place, run) {
      const wanted = isObject(quantity) ? quantity : undefined;
      const digits = digitsOf(quantity);
      if (quantity !== undefined && (!wanted || digits === undefined || !isPlain(wanted))) return false;
      if (!units.write(wanted, place, run)) return false;
      put(descendTo(place, value), digits);
      return true;
    },
  };
}
