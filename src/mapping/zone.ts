/**
 * The offset of an IANA zone for a local wall-clock time, in minutes east of UTC. In the hour that a clock change
 * repeats, the first pass (summer time) is meant; in the hour that it skips, the offset before the change applies.
 *
 * @throws RangeError for a zone that does not exist.
 */
export function offsetOfLocal(zone: string, local: LocalTime): number {
  const asUtc = Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute);
  const before = offsetAt(zone, asUtc - DAY);
  const after = offsetAt(zone, asUtc + DAY);
  if (before === after) return before;
  const first = asUtc - before * MINUTE;
  if (offsetAt(zone, first) === before) return before;
  const second = asUtc - after * MINUTE;
  return offsetAt(zone, second) === after ? after : before;
}

/** The offset of a zone at an instant (epoch milliseconds), in minutes east of UTC. */
export function offsetAt(zone: string, instant: number): number {
  const hour = Math.floor(instant / HOUR);
  let known = offsets.get(zone);
  if (!known) offsets.set(zone, (known = new Map()));
  const cached = known.get(hour);
  if (cached !== undefined) return cached;
  const offset = lookUp(zone, hour * HOUR);
  if (known.size >= MAX_CACHED) known.clear();
  known.set(hour, offset);
  return offset;
}

/** A wall-clock time, to the minute. */
export interface LocalTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MAX_CACHED = 20_000;

/** Clock changes happen on the hour or half-hour of UTC in every zone of this century; an hour is one entry. */
const offsets = new Map<string, Map<number, number>>();
const formats = new Map<string, Intl.DateTimeFormat>();

function lookUp(zone: string, instant: number): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    formats.set(zone, format);
  }
  const name = format.formatToParts(instant).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  const match = /^GMT(?:([+-])(\d\d):(\d\d))?/.exec(name);
  if (!match?.[1]) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return match[1] === '-' ? -minutes : minutes;
}
