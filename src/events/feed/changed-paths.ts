import { isJsonObject } from '../../fhir/json.ts';
import type { Json, Resource } from '../../fhir/types.ts';

/** Changes with every version and says nothing. */
const OF_THE_VERSION: ReadonlySet<string> = new Set(['meta.versionId', 'meta.lastUpdated']);

/**
 * The places where two versions of a resource differ, as JSON paths (`name[0].family`), without their values; a value
 * that one side does not have at all is one place. Not told: `meta.versionId` and `meta.lastUpdated`.
 */
export function changedPaths(before: Resource | undefined, after: Resource | undefined): string[] {
  const paths: string[] = [];
  compare(before ?? {}, after ?? {}, '', paths);
  return paths.filter((path) => !OF_THE_VERSION.has(path));
}

function compare(before: Json | undefined, after: Json | undefined, path: string, paths: string[]): void {
  if (isJsonObject(before) && isJsonObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(before[name], after[name], path === '' ? name : `${path}.${name}`, paths);
    }
  } else if (Array.isArray(before) && Array.isArray(after)) {
    for (let nth = 0; nth < Math.max(before.length, after.length); nth++) {
      compare(before[nth], after[nth], `${path}[${nth}]`, paths);
    }
  } else if (JSON.stringify(before) !== JSON.stringify(after)) {
    paths.push(path);
  }
}
