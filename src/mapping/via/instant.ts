import { stringOf, textOf } from '../authority.ts';
import type { Codec } from '../codec.ts';
import { formatFhirDateTime, formatHl7DateTime, parseFhirTime, parseHl7Time } from '../time.ts';
import { say } from '../codec.ts';

/**
 * A timestamp <-> an instant, from the minute on: an instant says seconds (FHIR R4 datatypes.html#instant), which cores often leave
 * out; the minute is its first second. A day is no instant.
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
