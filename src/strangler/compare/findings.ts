import type { Difference, Severity } from '../../migration-ports.ts';
import type { CompareOptions } from './options.ts';
import { definitionPathOf, pathOf, stepsOf, type Trail } from './trail.ts';

/** More kinds of differences than this say no more about an answer; the worst are kept. */
const MOST = 200;
const RANK: Readonly<Record<Severity, number>> = { critical: 0, major: 1, minor: 2, noise: 3 };

/** Collects what a comparison finds: each signature once, the worst first. */
export interface Findings {
  readonly add: (trail: Trail, kind: Difference['kind'], detail?: string) => void;
  readonly list: () => Difference[];
}

export function createFindings({ severities, mustSupport }: CompareOptions): Findings {
  const found = new Map<string, Difference>();

  function isMustSupport(trail: Trail): boolean {
    const paths = mustSupport?.get(stepsOf(trail)[0]!.type);
    if (!paths) return false;
    const path = definitionPathOf(trail);
    return paths.has(path) || [...paths].some((it) => it.startsWith(`${path}.`));
  }

  return {
    add(trail, kind, own) {
      const detail = own ?? trail.note;
      const path = pathOf(trail);
      const signature = signatureOf(kind, path, detail);
      let severity: Severity = severities.of(trail, kind, detail);
      // What was empty said nothing: nothing is lost.
      const isLost = kind === 'missing' && detail !== 'empty';
      if (isLost && severity === 'minor' && isMustSupport(trail)) severity = 'major';
      const known = found.get(signature);
      if (known && RANK[known.severity] <= RANK[severity]) return;
      found.set(signature, { path, kind, severity, ...(detail === undefined ? {} : { detail }), signature });
    },
    list: () =>
      [...found.values()]
        .sort((a, b) => RANK[a.severity] - RANK[b.severity] || (a.signature < b.signature ? -1 : 1))
        .slice(0, MOST),
  };
}

/** `changed Observation.effectiveDateTime (the offset is missing)`. */
function signatureOf(kind: Difference['kind'], path: string, detail: string | undefined): string {
  return `${kind} ${path}${detail === undefined ? '' : ` (${detail})`}`;
}
