import { textOf } from '../authority.ts';
import type { CodeMap } from '../code-map.ts';
import type { Codec } from '../codec.ts';
import { formatFhirDateTime, instantOf, parseHl7Time, timeAt, type Timestamp } from '../time.ts';
import type { TreeReader } from '../tree.ts';
import type { Run } from '../run.ts';
import { minutesCodec } from './elapsed.ts';

/** Where an appointment says when it is: field and component of its start, and of a duration and its unit. */
interface Said {
  readonly segment: string;
  readonly start: readonly number[];
  readonly length: readonly [value: number, unit: number] | undefined;
}

/** HL7 v2.5.1 §10.6: the appointment itself, then what is booked for it, in the order in which they count. */
const SAID: readonly Said[] = [
  { segment: 'SCH', start: [11, 4], length: [9, 10] },
  { segment: 'TQ1', start: [7], length: undefined },
  { segment: 'AIS', start: [4], length: [7, 8] },
  { segment: 'AIG', start: [8], length: [11, 12] },
  { segment: 'AIL', start: [6], length: [9, 10] },
  { segment: 'AIP', start: [6], length: [9, 10] },
];

function timeAtPath(segment: TreeReader, path: readonly number[]): Timestamp | undefined {
  const text = textOf(path.reduce<TreeReader>((place, step) => place.child(step), segment));
  const time = text === undefined ? undefined : parseHl7Time(text);
  return time?.minute === undefined ? undefined : time;
}

function startOf(group: TreeReader): Timestamp | undefined {
  for (const { segment, start } of SAID) {
    if (group.count(segment) === 0) continue;
    const time = timeAtPath(group.child(segment), start);
    if (time) return time;
  }
  return undefined;
}

function said(group: TreeReader, segment: string, path: readonly number[]): Timestamp | undefined {
  return group.count(segment) === 0 ? undefined : timeAtPath(group.child(segment), path);
}

const instantText = (time: Timestamp, run: Run): string =>
  formatFhirDateTime({ ...time, second: time.second ?? 0 }, run.timeZone);

/** The start of an appointment that only its timing (TQ1) or what is booked for it says. Read only. */
export const APPOINTMENT_START: Codec = {
  read(group, run) {
    const start = said(group, 'SCH', [11, 4]) ? undefined : startOf(group);
    return start && instantText(start, run);
  },
  write: () => true,
};

/** The end of an appointment that says its start and how long it takes. */
function endOf(group: TreeReader, units: CodeMap | undefined, run: Run): string | undefined {
  const start = startOf(group);
  const from = start && instantOf(start, run.timeZone);
  if (from === undefined || said(group, 'SCH', [11, 5])) return undefined;
  const timed = said(group, 'TQ1', [8]);
  if (timed) return instantText(timed, run);
  for (const { segment, length } of SAID) {
    if (!length || group.count(segment) === 0) continue;
    const minutes = minutesCodec([length[0]], [length[1]], units).read(group.child(segment), run.quiet);
    if (typeof minutes !== 'number') continue;
    return formatFhirDateTime(timeAt(from + minutes * 60_000, run.timeZone), run.timeZone);
  }
  return undefined;
}

const UNKNOWN = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
};

/** The end that follows from the duration, or that TQ1 says. Read only. */
export function appointmentEndCodec(units: CodeMap | undefined): Codec {
  return { read: (group, run) => endOf(group, units, run), write: () => true };
}

const isSaid = (group: TreeReader): boolean => SAID.some(({ segment }) => group.count(segment) > 0);

/**
 * FHIR R4 Appointment app-3: a booked appointment has a start and an end; one that nobody said has the reason for that.
 * Read only.
 */
export const APPOINTMENT_NO_START: Codec = {
  read: (group) => (isSaid(group) && !startOf(group) ? UNKNOWN : undefined),
  write: () => true,
};

/** As APPOINTMENT_NO_START, of the end. */
export function appointmentNoEndCodec(units: CodeMap | undefined): Codec {
  return {
    read: (group, run) =>
      isSaid(group) && !said(group, 'SCH', [11, 5]) && endOf(group, units, run) === undefined
        ? UNKNOWN
        : undefined,
    write: () => true,
  };
}
