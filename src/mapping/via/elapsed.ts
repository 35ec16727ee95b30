import { put, textOf } from '../authority.ts';
import type { CodeMap } from '../code-map.ts';
import type { Codec } from '../codec.ts';
import { formatFhirDate, formatFhirDateTime, instantOf, parseHl7Time, timeAt } from '../time.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { Step } from '../tree.ts';

const MINUTES: Readonly<Record<string, number>> = { s: 1 / 60, min: 1, h: 60, d: 1440, wk: 10_080 };

/**
 * A number and a unit of time in two places <-> whole minutes. Without a unit they are minutes, which is what is
 * written.
 * @param units code map of the units of time: `HR` is `h`.
 */
export function minutesCodec(
  value: readonly Step[],
  unit: readonly Step[],
  units: CodeMap | undefined,
): Codec {
  return {
    read(place, run) {
      const amount = Number(textOf(descend(place, value)) ?? Number.NaN);
      const said = textOf(descend(place, unit));
      const code = said === undefined ? 'min' : units?.toFhir.get(said)?.code;
      const minutes = amount * (MINUTES[code ?? ''] ?? Number.NaN);
      if (Number.isInteger(minutes) && minutes > 0) return minutes;
      if (!Number.isNaN(amount) && amount !== 0)
        run.lose('invalid', place.location(), 'no whole number of minutes');
      return undefined;
    },
    write(wanted, place) {
      if (wanted !== undefined && typeof wanted !== 'number') return false;
      put(descendTo(place, value), wanted === undefined ? undefined : String(wanted));
      put(descendTo(place, unit), wanted === undefined ? undefined : (units?.toLegacy.get('|min') ?? 'min'));
      return true;
    },
  };
}

/** The end of something that is said by its start, to the minute, and how many minutes it took. Read only. */
export function endAfterMinutesCodec(start: readonly Step[], minutes: readonly Step[]): Codec {
  return {
    read(place, run) {
      const from = parseHl7Time(textOf(descend(place, start)) ?? '');
      const length = Number(textOf(descend(place, minutes)) ?? Number.NaN);
      const instant = from?.minute === undefined ? undefined : instantOf(from, run.timeZone);
      if (instant === undefined || !Number.isInteger(length) || length < 0) return undefined;
      return formatFhirDateTime(timeAt(instant + length * 60_000, run.timeZone), run.timeZone);
    },
    write: (value) => value === undefined,
  };
}

/** A timestamp that is a second element's, too: it is read for both, and written for the other alone. */
export const ALSO_DATE_TIME: Codec = {
  read(place, run) {
    const time = parseHl7Time(textOf(place) ?? '');
    return time && formatFhirDateTime(time, run.timeZone);
  },
  write: () => true,
};

/** A timestamp that is no more than a date: one with a time of day is another row's. Read only. */
export const DAY_ALONE: Codec = {
  read(place) {
    const time = parseHl7Time(textOf(place) ?? '');
    return time && time.minute === undefined ? formatFhirDate(time) : undefined;
  },
  write: (value) => value === undefined,
};
