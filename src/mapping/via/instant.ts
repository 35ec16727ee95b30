import { stringOf, textOf } from '../authority.ts';
import {
  formatFhirDateTime,
  formatHl7DateTime,
  instantOf,
  parseFhirTime,
  parseHl7Time,
  type Timestamp,
} from '../time.ts';
import { say, type Codec } from '../codec.ts';
import { primitiveCodec } from '../primitive.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { Step } from '../tree.ts';

/**
 * A timestamp <-> an instant, from the minute on: an instant says seconds (FHIR R4 datatypes.html#instant), which cores
 * often leave out; the minute is its first second. A day is no instant.
 */
export const MINUTE_INSTANT: Codec = {
  read(place, run) {
    const text = textOf(place);
    const time = text === undefined ? undefined : parseHl7Time(text);
    if (text === undefined) return undefined;
    if (time?.minute === undefined) {
      run.lose('invalid', place.location(), 'not precise enough for an instant');
      return undefined;
    }
    return formatFhirDateTime({ ...time, second: time.second ?? 0 }, run.timeZone);
  },
  write(value, place, run) {
    const time = parseFhirTime(stringOf(value) ?? '');
    const sayable = time !== undefined && (time.fraction?.length ?? 0) <= 4;
    return say(place, value, sayable ? formatHl7DateTime(time, run.timeZone) : undefined);
  },
};

const ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';

/** What stands in for an instant that must be there and is not known to the minute: why it is absent. Read only. */
export const ABSENT_INSTANT: Codec = {
  read(place, run) {
    if (MINUTE_INSTANT.read(place, run.quiet) !== undefined) return undefined;
    return { extension: [{ url: ABSENT, valueCode: 'unknown' }] };
  },
  write: () => true,
};

const DATE_TIME = primitiveCodec('dateTime', { syntax: 'v2' });

/** The end of a period <-> a dateTime; an end before its start is none (FHIR R4 Period, per-1), and is told. */
export function endAfterCodec(start: readonly Step[], end: readonly Step[]): Codec {
  return {
    read(place, run) {
      const said = DATE_TIME.read(descend(place, end), run);
      const times = [start, end].map((path) => parseHl7Time(textOf(descend(place, path)) ?? ''));
      const [from, to] = times.map((time) => time && instantOf({ ...FIRST, ...time }, run.timeZone));
      if (said === undefined || from === undefined || to === undefined || from <= to) return said;
      run.lose('invalid', descend(place, end).location(), 'an end before its start');
      return undefined;
    },
    write: (value, place, run) => DATE_TIME.write(value, descendTo(place, end), run),
  };
}

/** What a time that ends early begins with. */
const FIRST: Omit<Timestamp, 'year'> = { month: 1, day: 1, hour: 0, minute: 0, second: 0 };

/** What stands where a date is expected and is none: words. Read only. */
export const NO_DATE: Codec = {
  read(place) {
    const text = textOf(place)?.trim();
    return text === undefined || text === '' || parseHl7Time(text) ? undefined : text;
  },
  write: (value) => value === undefined,
};
