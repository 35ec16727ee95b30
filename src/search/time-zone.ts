/** A time zone as searching needs it: where on the time line a local time lies. */
export interface TimeZone {
  /** IANA name, e.g. `Europe/Vienna`. */
  readonly name: string;
  /**
   * Epoch milliseconds of a local time given as if it were UTC. A time that occurs twice is its first occurrence; one
   * that is skipped is the moment the clocks went forward by.
   */
  toUtc(localAsUtc: number): number;
}

const HOUR = 3_600_000;
const CACHED_HOURS = 4096;

/**
 * The zone by its IANA name. Costs a formatter: make it once.
 * @throws RangeError when the runtime knows no zone of that name.
 */
export function createTimeZone(name: string): TimeZone {
  if (name === 'UTC') return { name, toUtc: (localAsUtc) => localAsUtc };
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const offsets = new Map<number, number>();

  /**
   * Offset east of UTC in milliseconds; zones change their offset on the hour or quarter, so the quarter hour is looked
   * up.
   */
  function offsetAt(utc: number): number {
    const quarter = Math.floor(utc / (HOUR / 4));
    const known = offsets.get(quarter);
    if (known !== undefined) return known;
    const at = quarter * (HOUR / 4);
    const offset = localAsUtc(format, at) - at;
    if (offsets.size >= CACHED_HOURS) offsets.clear();
    offsets.set(quarter, offset);
    return offset;
  }

  return {
    name,
    toUtc(localAsUtc) {
      const before = offsetAt(localAsUtc - 24 * HOUR);
      const after = offsetAt(localAsUtc + 24 * HOUR);
      const early = localAsUtc - Math.max(before, after);
      if (offsetAt(early) === Math.max(before, after)) return early;
      const late = localAsUtc - Math.min(before, after);
      if (offsetAt(late) === Math.min(before, after)) return late;
      return localAsUtc - before;
    },
  };
}

function localAsUtc(format: Intl.DateTimeFormat, utc: number): number {
  const fields: Record<string, string> = {};
  for (const part of format.formatToParts(utc)) fields[part.type] = part.value;
  const year = fields['era'] === 'BC' ? 1 - Number(fields['year']) : Number(fields['year']);
  const date = new Date(0);
  date.setUTCFullYear(year, Number(fields['month']) - 1, Number(fields['day']));
  date.setUTCHours(Number(fields['hour']), Number(fields['minute']), Number(fields['second']));
  return date.getTime();
}
