import { isJsonObject } from '../fhir/json.ts';
import type { Json, Resource } from '../fhir/types.ts';

/** Every `Reference.reference` of a resource, as it is written. */
export function findLiterals(resource: Resource): string[] {
  const found: string[] = [];
  const visit = (value: Json | undefined): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isJsonObject(value)) {
      for (const [name, child] of Object.entries(value)) {
        if (name === 'reference' && typeof child === 'string') found.push(child);
        else visit(child);
      }
    }
  };
  visit(resource);
  return found;
}
