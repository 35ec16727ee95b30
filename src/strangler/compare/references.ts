import { parseReference } from '../../fhir/reference.ts';

/** How addresses of resources are brought to one form. */
export interface ReferenceOptions {
  /** FHIR base addresses that are ours: what clients see, and those of the backends. */
  readonly bases: readonly string[];
  /** The id that clients know for one that a backend uses; undefined: it is the same. */
  readonly idOf?: (type: string, id: string) => string | undefined;
}

/**
 * Makes `CompareOptions.canonicalReference`: relative, or absolute on one of our bases, becomes `Type/id` with the id
 * that clients know (`Type/id/_history/version` where a version is named); all else stays as it is (FHIR R4
 * references.html#literal).
 */
export function createReferences({ bases, idOf }: ReferenceOptions): (reference: string) => string {
  const ours = new Set(bases.map(baseOf));
  return (reference) => {
    const parsed = parseReference(reference);
    if (parsed?.kind !== 'relative' && parsed?.kind !== 'absolute') return reference;
    if (parsed.kind === 'absolute' && !ours.has(baseOf(parsed.base))) return reference;
    const { type, id, versionId } = parsed;
    const version = versionId === undefined ? '' : `/_history/${versionId}`;
    return `${type}/${idOf?.(type, id) ?? id}${version}`;
  };
}

/** Scheme and host do not distinguish upper and lower case (RFC 3986 §6.2.2.1). */
function baseOf(address: string): string {
  const trimmed = address.replace(/\/+$/, '');
  return trimmed.replace(/^[^/]+:\/\/[^/]+/, (origin) => origin.toLowerCase());
}
