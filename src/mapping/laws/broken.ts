import type { MappingSet } from '../mapping-set.ts';
import { measureLaws, SAMPLE_CONTEXT, type CounterExample, type MeasureOptions } from './measure.ts';

/** What breaks laws 1 and 2 in any map of a set; a counter-example for each map and law. */
export function brokenLaws(set: MappingSet, options: MeasureOptions): CounterExample[] {
  return [...set.maps.values()].flatMap((map) => measureLaws(set, map, SAMPLE_CONTEXT, options));
}

/** A counter-example as lines for a person. */
export function describeCounterExample({ law, map, tree, differs }: CounterExample): string {
  return [
    `${map} breaks ${law}:`,
    ...tree.map((line) => `    ${line}`),
    ...differs.map((line) => `  differs: ${line}`),
  ].join('\n');
}
