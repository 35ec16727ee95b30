import { offsetAt, offsetOfLocal } from './zone.ts';

/** A point in time as precise as it was said: HL7 v2.5.1 §2.A.22 (DTM), FHIR R4 datatypes.html#dateTime. */
export interface Timestamp {
  readonly year: number;
  readonly month?: number;
  readonly day?: number;
  readonly hour?: number;
  readonly minute?: number;
  readonly second?: number;
  /** Digits after the decimal point, as written. */
  readonly fraction?: string;
  /** Minutes east of UTC, when said. */
  readonly offset?: number;
}

const FHIR = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d))?)?)?$/;
const XML =
  /^(-?\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?(Z|[+-]\d\d:\d\d)?$/;

type Draft = { -readonly [Part in keyof Timestamp]: Timestamp[Part] };

/**
 * Parses an HL7 date or timestamp (DT, DTM, TS.1: `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`); undefined when it
 * is none, or no date of the calendar. By hand: most fields of a message that are no text are one.
 */
export function parseHl7Time(text: string): Timestamp | undefined {
  const digits = digitsFrom(text, 0, 14);
  if (digits < 4 || digits % 2 === 1) return undefined;
  const time: Draft = { year: twoAt(text, 0) * 100 + twoAt(text, 2) };
  if (digits > 4) time.month = twoAt(text, 4);
  if (digits > 6) time.day = twoAt(text, 6);
  if (digits > 8) time.hour = twoAt(text, 8);
  if (digits > 10) time.minute = twoAt(text, 10);
  if (digits > 12) time.second = twoAt(text, 12);
  let at = digits;
  if (digits === 14 && text.charAt(at) === '.') {
    const fraction = digitsFrom(text, at + 1, 4);
    if (fraction === 0) return undefined;
    time.fraction = text.slice(at + 1, at + 1 + fraction);
    at += 1 + fraction;
  }
  const sign = text.charAt(at);
  if ((sign === '+' || sign === '-') && digitsFrom(text, at + 1, 4) === 4) {
    const minutes = twoAt(text, at + 1) * 60 + twoAt(text, at + 3);
    time.offset = sign === '-' ? -minutes : minutes;
    at += 5;
  }
  return at === text.length && isReal(time) ? time : undefined;
}

/** How many digits there are from an offset on, at most so many. */
function digitsFrom(text: string, from: number, most: number): number {
  let at = from;
  while (at < from + most && isDigit(text.charCodeAt(at))) at += 1;
  return at - from;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The number that two digits say. */
function twoAt(text: string, at: number): number {
  return (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30;
}

/** Parses a FHIR date, dateTime or instant. */
export function parseFhirTime(text: string): Timestamp | undefined {
  return fromMatch(FHIR.exec(text));
}

/** Parses an XML Schema date or dateTime; the offset may be missing, a space may stand for the `T`. */
export function parseXmlTime(text: string): Timestamp | undefined {
  return fromMatch(XML.exec(text));
}

function fromMatch(match: RegExpExecArray | null): Timestamp | undefined {
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  const time: Timestamp = {
    year: Number(year),
    ...(month === undefined ? {} : { month: Number(month) }),
    ...(day === undefined ? {} : { day: Number(day) }),
    ...(hour === undefined ? {} : { hour: Number(hour) }),
    ...(minute === undefined ? {} : { minute: Number(minute) }),
    ...(second === undefined ? {} : { second: Number(second) }),
    ...(fraction === undefined ? {} : { fraction }),
    ...(offset === undefined ? {} : { offset: offsetMinutes(offset) }),
  };
  return isReal(time) ? time : undefined;
}

/** Days of each month in a leap year. */
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isReal(time: Timestamp): boolean {
  const { year, month = 1, day = 1, hour = 0, minute = 0, second = 0, offset = 0 } = time;
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  if (day > (month === 2 && !leap ? 28 : DAYS[month - 1]!)) return false;
  return hour < 24 && minute < 60 && second < 61 && Math.abs(offset) <= 14 * 60;
}

function offsetMinutes(text: string): number {
  if (text === 'Z') return 0;
  const digits = text.replace(':', '');
  const minutes = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3, 5));
  return digits.startsWith('-') ? -minutes : minutes;
}

/** FHIR `date`: `1980`, `1980-03`, `1980-03-15`; the time of day is left out. */
export function formatFhirDate(time: Timestamp): string {
  const month = time.month === undefined ? '' : `-${two(time.month)}`;
  return `${four(time.year)}${month}${time.day === undefined ? '' : `-${two(time.day)}`}`;
}

/**
 * FHIR `dateTime`, as precise as the time was said; with a time of day FHIR wants seconds (zero-filled where they were
 * not said, FHIR R4 datatypes.html#dateTime) and an offset, which is the zone's where none was said.
 */
export function formatFhirDateTime(time: Timestamp, zone: string): string {
  if (time.hour === undefined) return formatFhirDate(time);
  const fraction = time.fraction === undefined ? '' : `.${time.fraction}`;
  const clock = `${two(time.hour)}:${two(time.minute ?? 0)}:${two(time.second ?? 0)}${fraction}`;
  return `${formatFhirDate(time)}T${clock}${formatOffset(time.offset ?? localOffset(time, zone), ':')}`;
}

/** HL7 `DT`: as precise as said, no time of day. */
export function formatHl7Date(time: Timestamp): string {
  const day = time.day === undefined ? '' : two(time.day);
  return `${four(time.year)}${time.month === undefined ? '' : two(time.month)}${day}`;
}

/**
 * HL7 `DTM` in the zone's wall-clock time, as legacy systems write it: without an offset, except in the hour that a
 * clock change repeats, where the wall clock alone would be ambiguous. HL7 allows four fraction digits; more are
 * refused.
 * @throws Error when the fraction does not fit.
 */
export function formatHl7DateTime(time: Timestamp, zone: string): string {
  if (time.hour === undefined) return formatHl7Date(time);
  if ((time.fraction?.length ?? 0) > 4) throw new Error('more than four digits of a second');
  const { local, ambiguous, offset } = toZone(time, zone);
  const fraction = time.fraction === undefined ? '' : `.${time.fraction}`;
  const second = time.second === undefined ? '' : two(time.second);
  const clock = `${two(local.hour!)}${two(local.minute ?? 0)}${second}${fraction}`;
  return `${formatHl7Date(local)}${clock}${ambiguous ? formatOffset(offset, '') : ''}`;
}

/** XML Schema dateTime in the zone's wall-clock time, without an offset. */
export function formatXmlDateTime(time: Timestamp, zone: string): string {
  if (time.hour === undefined) return formatFhirDate(time);
  const { local, ambiguous, offset } = toZone(time, zone);
  const fraction = time.fraction === undefined ? '' : `.${time.fraction}`;
  const clock = `${two(local.hour!)}:${two(local.minute ?? 0)}:${two(local.second ?? 0)}${fraction}`;
  return `${formatFhirDate(local)}T${clock}${ambiguous ? formatOffset(offset, ':') : ''}`;
}

/** The wall-clock time of a zone at an instant (epoch milliseconds), to the second. */
export function timeAt(instant: number, zone: string): Timestamp {
  const offset = offsetAt(zone, instant);
  const local = new Date(instant + offset * 60_000);
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    offset,
  };
}

/** Epoch milliseconds (fractions cut to milliseconds) of a time with a time of day; undefined without one. */
export function instantOf(time: Timestamp, zone: string): number | undefined {
  if (time.hour === undefined) return undefined;
  const offset = time.offset ?? localOffset(time, zone);
  const millis = Number((time.fraction ?? '').padEnd(3, '0').slice(0, 3));
  return utc(time, millis) - offset * 60_000;
}

function toZone(time: Timestamp, zone: string): { local: Timestamp; ambiguous: boolean; offset: number } {
  if (time.offset === undefined) return { local: time, ambiguous: false, offset: localOffset(time, zone) };
  const instant = utc(time, 0) - time.offset * 60_000;
  const offset = offsetAt(zone, instant);
  const shifted = new Date(instant + offset * 60_000);
  const local: Timestamp = {
    ...time,
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
  };
  return { local, ambiguous: localOffset(local, zone) !== offset, offset };
}

function utc(time: Timestamp, millis: number): number {
  const { year, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = time;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, millis);
  return date.getTime();
}

function localOffset(time: Timestamp, zone: string): number {
  const { year, month = 1, day = 1, hour = 0, minute = 0 } = time;
  return offsetOfLocal(zone, { year, month, day, hour, minute });
}

function formatOffset(minutes: number, separator: string): string {
  if (minutes === 0 && separator === ':') return '+00:00';
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${separator}${two(size % 60)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function four(value: number): string {
  return String(value).padStart(4, '0');
}
