import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { findReferences } from '../fhir/found-references.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Layer } from '../ports.ts';
import type { Resource } from '../fhir/types.ts';
import type { Opener } from './opener.ts';

export interface KnownReferencesOptions {
  readonly opener: Pick<Opener, 'key'>;
  /** FHIR base address that clients see, without a final slash. */
  readonly publicBase: string;
  /** Whether ids of a type are minted by us: those of types that the legacy side still answers. */
  readonly minted: (type: string) => boolean;
  /**
   * Whether a resource is known by its id although that does not open: it was made on the modern side, and legacy is
   * still to be told.
   */
  readonly isKnown?: (type: string, id: string) => boolean;
}

/**
 * The references of a body, whichever side it goes to: one to a type whose ids are ours must open, or the write is
 * refused. Nothing is translated: a modern service adopts our ids, and the legacy side has its identity Layer.
 *
 * Throws FicusError `value-invalid` with every reference that points at nothing here.
 */
export function knownReferences(options: KnownReferencesOptions): Layer {
  const { opener, publicBase, minted, isKnown } = options;
  async function check(resource: Resource): Promise<void> {
    const issues: Issue[] = [];
    for (const { reference, path } of findReferences(resource)) {
      const parsed = parseReference(reference);
      const ours = parsed?.kind === 'relative' || (parsed?.kind === 'absolute' && parsed.base === publicBase);
      if (!parsed || !ours || !minted(parsed.type)) continue;
      if (isKnown?.(parsed.type, parsed.id)) continue;
      if ((await opener.key(parsed.type, parsed.id)) !== undefined) continue;
      issues.push({
        severity: 'error',
        code: 'value',
        diagnostics: 'The reference points at nothing here.',
        expression: [path],
      });
    }
    if (issues.length > 0) {
      throw new FicusError('value-invalid', 'The resource has references that cannot be followed.', {
        issues,
      });
    }
  }

  return (next) => ({
    handle: (request, context) =>
      request.resource
        ? check(request.resource).then(() => next.handle(request, context))
        : next.handle(request, context),
  });
}
