import type { Json } from '../../fhir/types.ts';

/**
 * Whether two JSON values are the same as written, but for the order of members. The way that most of an answer takes.
 */
export function identical(legacy: Json | undefined, modern: Json | undefined): boolean {
  if (legacy === modern) return true;
  if (typeof legacy !== 'object' || typeof modern !== 'object' || legacy === null || modern === null)
    return false;
  if (Array.isArray(legacy)) {
    if (!Array.isArray(modern) || legacy.length !== modern.length) return false;
    for (let at = 0; at < legacy.length; at++) if (!identical(legacy[at], modern[at])) return false;
    return true;
  }
  if (Array.isArray(modern)) return false;
  // A number that kept its digits is an object with the one member `rawJSON`, also when it is compared.
  if (JSON.isRawJSON(legacy) !== JSON.isRawJSON(modern)) return false;
  const [before, after] = [
    legacy as Record<string, Json | undefined>,
    modern as Record<string, Json | undefined>,
  ];
  let count = 0;
  for (const name in before) {
    if (before[name] === undefined) continue;
    count += 1;
    if (!identical(before[name], after[name])) return false;
  }
  for (const name in after) if (after[name] !== undefined) count -= 1;
  return count === 0;
}
