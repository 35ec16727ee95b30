import type { Json, Resource } from './types.ts';
import { isResourceType } from './elements.ts';

/** What a FHIR reference string says (FHIR R4 references.html#literal). */
export type ParsedReference =
  | { readonly kind: 'relative'; readonly type: string; readonly id: string; readonly versionId?: string }
  | {
      readonly kind: 'absolute';
      readonly base: string;
      readonly type: string;
      readonly id: string;
      readonly versionId?: string;
    }
  | { readonly kind: 'contained'; readonly id: string }
  | { readonly kind: 'urn'; readonly urn: string }
  /** An absolute URL that is no RESTful FHIR address, e.g. a canonical. */
  | { readonly kind: 'url'; readonly url: string };

const URN = /^urn:(?:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|oid:[0-2](?:\.(?:0|[1-9][0-9]*))+)$/;
const HISTORY = '/_history/';
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s/]+/;

/**
 * Parses a reference; undefined when it is none of the five forms. The id is not checked against the id syntax:
 * below the identity Layer it is a legacy key (`HOSP|100234`).
 */
export function parseReference(reference: string): ParsedReference | undefined {
  if (reference.startsWith('#')) return { kind: 'contained', id: reference.slice(1) };
  if (reference.startsWith('urn:')) return URN.test(reference) ? { kind: 'urn', urn: reference } : undefined;
  const restful = splitRestful(reference);
  if (restful?.base === '') {
    const { type, id, versionId } = restful;
    // As nearly all are.
    if (versionId === undefined) return { kind: 'relative', type, id };
    return { kind: 'relative', type, id, versionId };
  }
  if (!ABSOLUTE.test(reference)) return undefined;
  if (restful) return { kind: 'absolute', ...restful };
  return /\s/.test(reference) ? undefined : { kind: 'url', url: reference };
}

function splitRestful(
  reference: string,
): { base: string; type: string; id: string; versionId?: string } | undefined {
  const history = reference.indexOf(HISTORY);
  const current = history < 0 ? reference : reference.slice(0, history);
  const versionId = history < 0 ? undefined : reference.slice(history + HISTORY.length);
  if (versionId === '' || versionId?.includes(HISTORY)) return undefined;
  const slash = current.lastIndexOf('/');
  if (slash < 1 || slash === current.length - 1) return undefined;
  const before = current.lastIndexOf('/', slash - 1);
  const type = current.slice(before + 1, slash);
  if (before === 0 || !isResourceType(type)) return undefined;
  const base = before < 0 ? '' : current.slice(0, before);
  const id = current.slice(slash + 1);
  return versionId === undefined ? { base, type, id } : { base, type, id, versionId };
}

/**
 * The resource type that a Reference element points at, as far as it can be told without fetching: from the reference,
 * from the contained resource, else from `Reference.type`. undefined: cannot be told.
 */
export function referenceTargetType(value: Json, root: Resource | undefined): string | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const element = value as { readonly reference?: Json; readonly type?: Json };
  const parsed = typeof element.reference === 'string' ? parseReference(element.reference) : undefined;
  if (parsed?.kind === 'relative' || parsed?.kind === 'absolute') return parsed.type;
  if (parsed?.kind === 'contained') {
    if (parsed.id === '') return root?.resourceType;
    return containedResource(root, parsed.id)?.resourceType;
  }
  return typeof element.type === 'string' ? element.type : undefined;
}

/** The resource inside `root.contained` that `#id` names. */
export function containedResource(root: Resource | undefined, id: string): Resource | undefined {
  const contained = root?.['contained'];
  if (!Array.isArray(contained)) return undefined;
  return (contained as (Resource | null)[]).find((it) => it?.id === id) ?? undefined;
}
