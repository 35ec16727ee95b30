import { createPopulation } from '../population/index.ts';
import { episodeOf, type FeedEvent, type Inpatient } from './episode.ts';

export interface DayOptions {
  /** Patients of the day; 180. */
  readonly patients?: number;
  /** The same seed gives the same day; 1. */
  readonly seed?: number;
  /** Epoch milliseconds of its first minute; 2 November 2026, 00:00. */
  readonly start?: number;
}

/**
 * A day in the hospital: every event of every patient, in the order in which they happen. Always the same for the same
 * options.
 */
export function createDay({
  patients = 180,
  seed = 1,
  start = Date.UTC(2026, 10, 2),
}: DayOptions = {}): FeedEvent[] {
  return peopleOf(patients)
    .flatMap((patient) => episodeOf(patient, start, seed))
    .toSorted((one, other) => one.at - other.at || (one.controlId < other.controlId ? -1 : 1));
}

function peopleOf(count: number): Inpatient[] {
  return createPopulation(count)
    .patients.split('\n')
    .filter((line) => line.startsWith('PID|'))
    .map((pid, index) => ({ pid, index, number: /^PID\|[^|]*\|[^|]*\|([^^]+)/.exec(pid)![1]! }));
}
