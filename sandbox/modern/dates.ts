import { HOSPITAL_ZONE } from '../time.ts';
import { Failure } from './failure.ts';

/** A stretch of time in epoch milliseconds, the end not included. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

const FORM =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/;

/**
 * The time that a FHIR date, dateTime or instant stands for, by its precision; without an offset in the hospital's
 * zone.
 */
export function rangeOf(text: string): Range | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, year = '', month, day, hours, minutes, seconds, fraction, offset] = match;
  const base = `${year}-${month ?? '01'}-${day ?? '01'}T${hours ?? '00'}:${minutes ?? '00'}:${seconds ?? '00'}`;
  const written = Date.parse(`${base}.${(fraction ?? '0').padEnd(3, '0').slice(0, 3)}${offset ?? 'Z'}`);
  const start = offset === undefined ? fromHospitalTime(written) : written;
  if (Number.isNaN(start) || (day !== undefined && !dayExists(year, month, day))) return undefined;
  if (hours !== undefined) return { start, end: start + stepOf(minutes, seconds, fraction) };
  const end = new Date(written);
  if (day !== undefined) end.setUTCDate(end.getUTCDate() + 1);
  else if (month !== undefined) end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCFullYear(end.getUTCFullYear() + 1);
  return { start, end: fromHospitalTime(end.getTime()) };
}

const ZONE = new Intl.DateTimeFormat('en', { timeZone: HOSPITAL_ZONE, timeZoneName: 'longOffset' });
const OFFSETS = new Map<number, number>();
const HOUR_MS = 3_600_000;

/** Milliseconds that the hospital's clocks are ahead of UTC; asked for by the hour, because formatting is slow. */
function offsetAt(epochMs: number): number {
  const hour = Math.floor(epochMs / HOUR_MS);
  const known = OFFSETS.get(hour);
  if (known !== undefined) return known;
  const name = ZONE.formatToParts(epochMs).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign = '+', hours = '0', minutes = '0'] = /([+-])(\d{2}):(\d{2})/.exec(name) ?? [];
  const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  if (OFFSETS.size > 100_000) OFFSETS.clear();
  OFFSETS.set(hour, offset);
  return offset;
}

/** The instant at which the hospital's clocks show what UTC would at `written`; of two such instants the first. */
function fromHospitalTime(written: number): number {
  if (Number.isNaN(written)) return written;
  const early = written - offsetAt(written - 24 * HOUR_MS);
  const late = written - offsetAt(written + 24 * HOUR_MS);
  const valid = [early, late].filter((instant) => instant + offsetAt(instant) === written);
  return valid.length > 0 ? Math.min(...valid) : early;
}

function dayExists(year: string, month = '01', day: string): boolean {
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(day);
}

function stepOf(
  _minutes: string | undefined,
  seconds: string | undefined,
  fraction: string | undefined,
): number {
  if (seconds === undefined) return 60_000;
  return fraction === undefined ? 1000 : 1;
}

/** A test of FHIR R4 search.html#date: the resource's stretch of time against `ge2026-01`. Throws Failure. */
export function dateTest(name: string, text: string): (range: Range) => boolean {
  const [, prefix = 'eq', value = ''] = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)$/s.exec(text) ?? [];
  const asked = rangeOf(value.replace(' ', '+'));
  if (!asked) throw new Failure(400, 'value', `${name}: not a date`);
  const within = (range: Range): boolean => range.start >= asked.start && range.end <= asked.end;
  switch (prefix) {
    case 'ne':
      return (range) => !within(range);
    case 'gt':
      return (range) => range.end > asked.end;
    case 'lt':
      return (range) => range.start < asked.start;
    case 'ge':
      return (range) => range.end > asked.end || within(range);
    case 'le':
      return (range) => range.start < asked.start || within(range);
    case 'sa':
      return (range) => range.start >= asked.end;
    case 'eb':
      return (range) => range.end <= asked.start;
    case 'ap':
      return (range) => range.start < asked.end && range.end > asked.start;
    default:
      return within;
  }
}
