import { put, textOf } from '../authority.ts';
import type { Codec } from '../codec.ts';
import {
  formatFhirDateTime,
  formatHl7DateTime,
  formatXmlDateTime,
  instantOf,
  parseFhirTime,
  parseHl7Time,
  parseXmlTime,
  timeAt,
  type Timestamp,
} from '../time.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { PathSyntax } from '../tree-path.ts';
import type { Step, TreeReader } from '../tree.ts';

/** Where a date and a time of day stand apart; `minutes`: how long it takes. */
export interface ClockPaths {
  readonly date: readonly Step[];
  readonly time: readonly Step[];
  readonly minutes?: readonly Step[];
  readonly syntax: PathSyntax;
}

/**
 * A date and a time of day in two places <-> one dateTime or instant, to the minute, in the facility's zone. Without a
 * time of day the date alone is read; a time that is not on the minute cannot be said.
 */
export function dateAndTimeCodec(paths: ClockPaths, precise: boolean): Codec {
  return {
    read(place, run) {
      const start = readStart(place, paths);
      if (start === 'wrong') run.lose('invalid', place.location(), 'not a date and time of the calendar');
      if (start === undefined || start === 'wrong' || (precise && start.minute === undefined))
        return undefined;
      return formatFhirDateTime(start, run.timeZone);
    },
    write(value, place, run) {
      const time = typeof value === 'string' ? parseFhirTime(value) : undefined;
      if (value !== undefined && (!time || (time.second ?? 0) !== 0 || Number(time.fraction ?? 0) !== 0))
        return false;
      const { second: _second, fraction: _fraction, ...minute } = time ?? ({} as Partial<Timestamp>);
      const local = time && localText(minute as Timestamp, paths.syntax, run.timeZone);
      put(descendTo(place, paths.date), local?.date);
      put(descendTo(place, paths.time), local?.time);
      return true;
    },
  };
}

/** The end of something that is said by its start and its length in minutes. The start is written first. */
export function endByMinutesCodec(paths: ClockPaths & { readonly minutes: readonly Step[] }): Codec {
  return {
    read(place, run) {
      const start = readStart(place, paths);
      const minutes = Number(textOf(descend(place, paths.minutes)) ?? Number.NaN);
      const from = start === undefined || start === 'wrong' ? undefined : instantOf(start, run.timeZone);
      if (from === undefined || !Number.isInteger(minutes) || minutes < 0) return undefined;
      return formatFhirDateTime(timeAt(from + minutes * 60_000, run.timeZone), run.timeZone);
    },
    write(value, place, run) {
      const length = descendTo(place, paths.minutes);
      if (value === undefined) {
        length.clear();
        return true;
      }
      const start = readStart(place, paths);
      const end = typeof value === 'string' ? parseFhirTime(value) : undefined;
      const from = start === undefined || start === 'wrong' ? undefined : instantOf(start, run.timeZone);
      const to = end && instantOf(end, run.timeZone);
      if (from === undefined || to === undefined || to < from || (to - from) % 60_000 !== 0) return false;
      length.set(String((to - from) / 60_000));
      return true;
    },
  };
}

function readStart(place: TreeReader, { date, time, syntax }: ClockPaths): Timestamp | 'wrong' | undefined {
  const day = textOf(descend(place, date))?.trim();
  if (day === undefined) return undefined;
  const clock = textOf(descend(place, time))?.trim();
  if (syntax === 'xml') return parseXmlTime(clock === undefined ? day : `${day}T${clock}`) ?? 'wrong';
  return parseHl7Time(`${day}${clock ?? ''}`) ?? 'wrong';
}

function localText(
  time: Timestamp,
  syntax: PathSyntax,
  zone: string,
): { date: string; time: string | undefined } {
  if (syntax === 'xml') {
    const [date, clock] = formatXmlDateTime(time, zone).split('T');
    return { date: date!, time: clock?.slice(0, 5) };
  }
  const text = formatHl7DateTime(time, zone);
  return { date: text.slice(0, 8), time: text.length > 8 ? text.slice(8, 12) : undefined };
}
