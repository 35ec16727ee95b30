import type { Resource } from '../fhir/types.ts';
import type { ResourceChange } from '../projection-ports.ts';
import { filedOnSurvivor } from './identities.ts';
import type { Merges } from './merges.ts';
import type { Records } from './records.ts';
import { mapRelativeReferences } from './references.ts';
import { MERGEABLE, type Survey } from './survey.ts';

/** Makes the function that gives what a message says as being of resources that are not the retired ones any more. */
export function createFollowing(
  records: Pick<Records, 'byRid'>,
  merges: Pick<Merges, 'any' | 'survivorOfReference'>,
): (change: ResourceChange, references: Survey['references']) => ResourceChange {
  const isRetired = (reference: string): boolean => merges.survivorOfReference(reference) !== undefined;

  function isTouched({ resourceType, id }: Resource, references: Survey['references']): boolean {
    if (MERGEABLE.includes(resourceType) && isRetired(`${resourceType}/${id}`)) return true;
    for (const reference of references) if (isRetired(reference)) return true;
    return false;
  }

  return (change, references) => {
    const { resource, mode, deleted, yields } = change;
    if (!merges.any || !isTouched(resource, references)) return change;
    const rest = { mode, ...(deleted ? { deleted } : {}), ...(yields ? { yields } : {}) };
    const mapped = mapRelativeReferences(resource, (reference) => {
      const survivor = merges.survivorOfReference(reference);
      if (survivor === undefined) return reference;
      const { type, id } = records.byRid(survivor);
      return `${type}/${id}`;
    });
    const rid = merges.survivorOfReference(`${resource.resourceType}/${resource.id}`);
    if (rid === undefined) return { ...rest, resource: mapped };
    const survivor = records.byRid(rid);
    const filed = { ...filedOnSurvivor(mapped, survivor.resource), id: survivor.id };
    return { ...rest, resource: filed, mode: mode === 'snapshot' ? 'update' : mode };
  };
}
