import { decimalText } from '../../fhir/json.ts';
import { put, textOf } from '../authority.ts';
import type { CodeMap } from '../code-map.ts';
import type { Codec } from '../codec.ts';
import { isObject } from '../fhir-path.ts';
import { formatFhirDateTime, instantOf, parseHl7Time, timeAt, type Timestamp } from '../time.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { Step, TreeReader } from '../tree.ts';
import type { Run } from '../run.ts';
import { digitsOf, readNumber } from './units.ts';

const UCUM = 'http://unitsofmeasure.org';

/**
 * A number and a unit of time in two places <-> a Duration, whose unit is a UCUM code (FHIR R4
 * datatypes.html#duration).
 * @param units code map of the units of time: `D` is `d`.
 */
export function durationCodec(
  value: readonly Step[],
  unit: readonly Step[],
  units: CodeMap | undefined,
): Codec {
  return {
    read(place, run) {
      const number = readNumber(descend(place, value), run);
      const said = textOf(descend(place, unit));
      const code = said === undefined ? undefined : units?.toFhir.get(said)?.code;
      if (number === undefined) return undefined;
      if (code === undefined) {
        run.lose('unknown-code', place.location(), 'a duration has a unit of time');
        return undefined;
      }
      return { value: number, system: UCUM, code };
    },
    write(duration, place) {
      const wanted = isObject(duration) ? duration : {};
      const digits = digitsOf(duration);
      const code = typeof wanted['code'] === 'string' ? units?.toLegacy.get(`|${wanted['code']}`) : undefined;
      if (duration !== undefined && (digits === undefined || code === undefined)) return false;
      put(descendTo(place, value), digits);
      put(descendTo(place, unit), code);
      return true;
    },
  };
}

const DAY = 86_400_000;

/** The number of a length of time whose unit another row reads; a number without a unit that is known says nothing. */
export function numberOfTimeCodec(
  value: readonly Step[],
  unit: readonly Step[],
  units: CodeMap | undefined,
): Codec {
  return {
    read(place, run) {
      if (units?.toFhir.has(textOf(descend(place, unit)) ?? '') !== true) return undefined;
      return readNumber(descend(place, value), run);
    },
    write(number, place) {
      const digits = decimalText(number);
      if (number !== undefined && digits === undefined) return false;
      put(descendTo(place, value), digits);
      return true;
    },
  };
}

/** One day, of an amount that a place says is that of a day. Read only. */
export const ONE_DAY: Codec = {
  read: (place) => (place.filled() ? { value: 1, system: UCUM, code: 'd' } : undefined),
  write: () => true,
};

/** One of what a strength is given of. Read only. */
export const ONE: Codec = {
  read: (place) => (place.filled() ? { value: 1 } : undefined),
  write: () => true,
};

/** Units of time whose length the calendar does not change, in milliseconds. A day is 24 hours. */
const LENGTHS: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['min', 60_000],
  ['h', 3_600_000],
  ['d', DAY],
  ['wk', 604_800_000],
]);

/** Where a time and a length stand; `sign`: whether the other end is later or earlier. */
export interface OffsetPaths {
  readonly from: readonly Step[];
  readonly value: readonly Step[];
  readonly unit: readonly Step[];
  readonly sign: 1 | -1;
}

/** The other end of something that is said by one end and its length, with the precision of a second. Read only. */
export function offsetByDurationCodec(paths: OffsetPaths, units: CodeMap | undefined): Codec {
  const lengthAt = (place: TreeReader, run: Run): number | undefined => {
    const number = Number(decimalText(readNumber(descend(place, paths.value), run.quiet)) ?? Number.NaN);
    const code = units?.toFhir.get(textOf(descend(place, paths.unit)) ?? '')?.code ?? '';
    const length = number * (LENGTHS.get(code) ?? Number.NaN);
    return Number.isSafeInteger(length) ? length : undefined;
  };
  return {
    read(place, run) {
      const start = parseHl7Time(textOf(descend(place, paths.from)) ?? '');
      const length = lengthAt(place, run);
      if (start?.day === undefined || length === undefined) return undefined;
      if (start.hour === undefined) return daysFrom(start, paths.sign * length);
      const from = instantOf(start, run.timeZone);
      return from === undefined
        ? undefined
        : formatFhirDateTime(timeAt(from + paths.sign * length, run.timeZone), run.timeZone);
    },
    write: (value) => value === undefined,
  };
}

/** A day some whole days from another; undefined for a length that is not of whole days. */
function daysFrom({ year, month, day }: Timestamp, length: number): string | undefined {
  if (length % DAY !== 0) return undefined;
  return new Date(Date.UTC(year, month! - 1, day) + length).toISOString().slice(0, 10);
}
