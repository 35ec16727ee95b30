import { isObject, type Json, type Resource } from '../../modern/json.ts';
import type { PlantedFault } from './fault.ts';

/** Elements that hold a time of day: dateTime, instant, Period. */
const TIMES = [
  'effectiveDateTime',
  'effectiveInstant',
  'effectivePeriod',
  'issued',
  'start',
  'end',
  'created',
  'period',
  'recordedDate',
  'onsetDateTime',
  'deceasedDateTime',
];
const WITH_OFFSET = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * The same instant on the clocks of UTC, the offset left out: `2026-06-11T09:58:00+02:00` becomes
 * `2026-06-11T07:58:00`.
 */
function bare(value: Json | undefined): Json | undefined {
  if (typeof value === 'string') {
    const [matched, fraction = ''] = WITH_OFFSET.exec(value) ?? [];
    return matched === undefined ? value : `${new Date(value).toISOString().slice(0, 19)}${fraction}`;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, bare(inner)]));
}

export const utcWithoutOffset: PlantedFault = {
  about: 'times are given in UTC and do not say so: the offset is missing',
  percent: 100,
  resource: (resource): Resource => {
    const changes = TIMES.filter((name) => resource[name] !== undefined)
      .map((name) => [name, bare(resource[name])] as const)
      .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(resource[name]));
    return changes.length === 0 ? resource : { ...resource, ...Object.fromEntries(changes) };
  },
};
