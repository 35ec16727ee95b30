import { isObject, isRaw, type Json, type Resource } from '../../modern/json.ts';
import type { PlantedFault } from './fault.ts';

/** Every number as JavaScript writes it. */
function trimmed(value: Json | undefined): Json | undefined {
  if (isRaw(value)) return Number(value.rawJSON);
  if (Array.isArray(value)) return (value as readonly Json[]).map((each) => trimmed(each) ?? null);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, trimmed(inner)]));
}

export const trimmedZeros: PlantedFault = {
  about: 'decimals lose their last zeros: 1.50 becomes 1.5',
  percent: 100,
  resource: (resource): Resource => {
    const changed = trimmed(resource) as Resource;
    return JSON.stringify(changed) === JSON.stringify(resource) ? resource : changed;
  },
};
