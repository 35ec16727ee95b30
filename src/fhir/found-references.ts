import { isJsonObject } from './json.ts';
import type { Json, Resource } from './types.ts';

/** A literal reference inside a resource, and its FHIRPath. */
export interface FoundReference {
  readonly reference: string;
  readonly path: string;
}

/** Every `Reference.reference` of a resource, contained resources and extensions included. */
export function findReferences(resource: Resource): FoundReference[] {
  const found: FoundReference[] = [];
  const visit = (value: Json | undefined, path: string): void => {
    if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${path}[${index}]`));
    else if (isJsonObject(value)) {
      for (const [name, child] of Object.entries(value)) {
        const childPath = `${path}.${name}`;
        if (name === 'reference' && typeof child === 'string')
          found.push({ reference: child, path: childPath });
        else visit(child, childPath);
      }
    }
  };
  visit(resource, resource.resourceType);
  return found;
}
