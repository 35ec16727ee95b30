import { runLoad, type LoadReport } from '../../sandbox/load/index.ts';
import type { LoadPatient } from '../../sandbox/load/people.ts';

/** How a client was answered. */
export interface Served {
  readonly status: string;
  readonly by: string;
}

/** The applications of the hospital, which ask all the time. */
export interface Clients {
  /** How they were answered so far. */
  readonly served: readonly Served[];
  /** They ask no more; what they got. */
  stop(): Promise<LoadReport>;
}

export function startClients(
  fhirBase: string,
  patients: readonly LoadPatient[],
  endpoint: string,
  readers: number,
): Clients {
  const ending = new AbortController();
  const served: Served[] = [];
  const report = runLoad({
    fhirBase,
    patients,
    readers,
    // Until they are told to stop.
    seconds: 86_400,
    endpoints: [endpoint],
    signal: ending.signal,
    onOutcome: ({ result }) =>
      served.push(
        'status' in result
          ? { status: String(result.status), by: result.servedBy }
          : { status: 'no answer', by: 'nobody' },
      ),
  });
  return {
    served,
    stop: () => {
      ending.abort();
      return report;
    },
  };
}

/** `289 × 200 from legacy:clinical`, a line each, the most frequent first. */
export function tally(served: readonly Served[]): string {
  const counts = new Map<string, number>();
  for (const { status, by } of served) {
    const name = `${status} from ${by}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} × ${name}`)
    .join('\n');
}

/** No answer, or one that says that it failed. */
export const isFailed = ({ status }: Served): boolean => !(Number(status) < 500);
