import type { Endpoint } from '../../fhir/types.ts';
import type { Owed } from '../../migration-ports.ts';
import type { Side } from '../../ports.ts';
import { isWrite } from './gates.ts';
import { many, number } from './words.ts';

/** What of an evidence pack says what is missing in it. */
export interface Shown {
  readonly endpoint: Endpoint;
  /** The route's run; absent: nothing was seen in it. */
  readonly current?: {
    readonly trials: number;
    readonly days: readonly { readonly calls: number; readonly comparisons: number }[];
    readonly verdicts: readonly { readonly notComparable: Readonly<Record<string, number>> }[];
  };
  readonly shapes: readonly { readonly compared: number }[];
  readonly writes: { readonly owed: Readonly<Record<Side, Owed>> };
  /** What the gates say of the next step. */
  readonly gates?: { readonly gates: readonly { readonly name: string; readonly verdict: string }[] };
  /** Absent: both were never checked. */
  readonly drift?: object;
  readonly contract?: object;
}

/**
 * What an evidence pack does not show, in sentences for people who decide by it: first what was left out this time,
 * then what no comparison can tell.
 */
export function unknownsOf(pack: Shown): string[] {
  return [
    ...(isWrite(pack.endpoint) ? [] : ofComparisons(pack)),
    ...ofBothSides(pack),
    ...ofWaivers(pack),
    ...always(pack),
  ];
}

function ofComparisons({ current, shapes }: Shown): string[] {
  if (!current || current.trials === 0) return ['Nothing was compared in this run.'];
  const calls = current.days.reduce((sum, day) => sum + day.calls, 0);
  const left = calls - current.days.reduce((sum, day) => sum + day.comparisons, 0);
  const missing = shapes.filter(({ compared }) => compared === 0).length;
  return [
    ...(left > 0
      ? [`Of ${many(calls, 'call')} of clients in this run, ${number(left)} gave no comparison.`]
      : []),
    ...uncomparable(current),
    ...(missing > 0
      ? [
          `Of ${many(shapes.length, 'set')} of parameters that clients use, ${number(missing)} ${missing === 1 ? 'was' : 'were'} not compared in this run.`,
        ]
      : []),
  ];
}

function uncomparable({ verdicts }: NonNullable<Shown['current']>): string[] {
  const count = verdicts
    .flatMap((row) => Object.values(row.notComparable))
    .reduce((sum, one) => sum + one, 0);
  return count === 0
    ? []
    : [`${many(count, 'pair')} of answers could not be compared; whether they are alike is not known.`];
}

function ofBothSides({ endpoint, drift, contract, writes }: Shown): string[] {
  const { legacy, modern } = writes.owed;
  const owed = legacy.count + modern.count;
  return [
    ...(isWrite(endpoint)
      ? ['Nothing compares the answers to writes; what both sides hold is compared.']
      : []),
    ...(drift ? [] : ['Whether both sides hold the same was not checked by the reconciler.']),
    ...(owed > 0
      ? [`${many(owed, 'write')} ${owed === 1 ? 'has' : 'have'} not reached the other side yet.`]
      : []),
    ...(contract ? [] : ['The contract tests of modern were not run.']),
  ];
}

function ofWaivers({ gates }: Shown): string[] {
  const waived = (gates?.gates ?? []).filter(({ verdict }) => verdict === 'waived').map(({ name }) => name);
  return waived.length === 0 ? [] : [`What was waived was not shown: ${waived.join(', ')}.`];
}

function always({ endpoint }: Shown): string[] {
  if (isWrite(endpoint)) return [];
  return [
    'What no client asked for in this time was not compared; of patients and searches that are rare, little is known.',
    'An answer that is wrong on both sides alike is a match.',
  ];
}
