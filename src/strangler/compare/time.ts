import { CHANGED, type Change } from './text.ts';

const TIME =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)?)?)?$/;
const FURTHEST_OFFSET = 14 * 3600;

/** A FHIR date, dateTime or instant, taken apart. */
interface Moment {
  readonly text: string;
  /** Wall clock in seconds as if it were UTC; of a date: undefined. */
  readonly local: number | undefined;
  /** Seconds since the epoch; without an offset nobody knows. */
  readonly instant: number | undefined;
  /** Digits of the fraction of a second that say something: `.500` and `.5` are one. */
  readonly fraction: string;
  /** Written with seconds. */
  readonly seconds: boolean;
}

/** undefined: no such form, day or time; a leap second is none either, and is compared as written. */
function momentOf(text: string): Moment | undefined {
  const match = TIME.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', offset] = match;
  if (hour === undefined) return { text, local: undefined, instant: undefined, fraction: '', seconds: false };
  const date = new Date(0);
  const days = date.setUTCFullYear(Number(year), Number(month) - 1, Number(day)) / 1000;
  const clock = Number(hour) * 3600 + Number(minute) * 60 + Number(second ?? 0);
  const valid = Number(hour) < 24 && Number(minute) < 60 && Number(second ?? 0) < 60;
  if (!valid || date.getUTCDate() !== Number(day) || date.getUTCMonth() !== Number(month) - 1)
    return undefined;
  const local = days + clock;
  return {
    text,
    local,
    instant: offset === undefined ? undefined : local - secondsOf(offset),
    fraction: fraction.replace(/0+$/, ''),
    seconds: second !== undefined,
  };
}

function secondsOf(offset: string): number {
  if (offset === 'Z') return 0;
  const seconds = Number(offset.slice(1, 3)) * 3600 + Number(offset.slice(4, 6)) * 60;
  return offset.startsWith('-') ? -seconds : seconds;
}

/** One text for each moment: `10:00:00+01:00` and `09:00:00Z` have the same, `09:00:00` has another. */
export function canonicalTime(text: string): string {
  const moment = momentOf(text);
  if (moment?.local === undefined) return text;
  const where = moment.instant === undefined ? `local ${moment.local}` : `@${moment.instant}`;
  return `${where}.${moment.fraction}${moment.seconds ? '' : ' minute'}`;
}

/**
 * How two dates, dateTimes or instants differ: by the moment, by whether an offset was there, and by precision
 * (FHIR R4 datatypes.html#dateTime). The same moment written with another offset is the same.
 */
export function timeChange(legacy: string, modern: string): Change | undefined {
  if (legacy === modern) return undefined;
  const before = momentOf(legacy);
  const after = momentOf(modern);
  if (!before || !after) return CHANGED;
  if (before.local === undefined || after.local === undefined) return dateChange(before, after);
  if ((before.instant === undefined) !== (after.instant === undefined)) {
    if (Math.abs(before.local - after.local) > FURTHEST_OFFSET) return CHANGED;
    return { detail: after.instant === undefined ? 'the offset is missing' : 'an offset was added' };
  }
  const [from, to] = [before.instant ?? before.local, after.instant ?? after.local];
  if (from !== to) return before.local === after.local ? { detail: 'another offset' } : CHANGED;
  if (before.fraction !== after.fraction) return fractionChange(before.fraction, after.fraction);
  if (before.seconds !== after.seconds) return precision(after.seconds);
  return undefined;
}

/** At least one of them is a date: the finer one may only say more of the same. */
function dateChange(before: Moment, after: Moment): Change {
  const finer = after.text.length > before.text.length;
  const [short, long] = finer ? [before, after] : [after, before];
  if (short.text.length === long.text.length || !long.text.startsWith(short.text)) return CHANGED;
  return precision(finer);
}

function fractionChange(before: string, after: string): Change {
  return before.startsWith(after) || after.startsWith(before) ? { detail: 'fraction of a second' } : CHANGED;
}

function precision(finer: boolean): Change {
  return { detail: finer ? 'more precise' : 'less precise' };
}

/** FHIR `time`: zeros behind the point say nothing. */
export function canonicalClock(text: string): string {
  return text.replace(/(?:\.0+|(\.\d*[1-9])0+)$/, '$1');
}
