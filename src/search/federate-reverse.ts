import { FicusError, type Issue } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, RequestContext } from '../ports.ts';
import { setOf } from './ask.ts';
import type { Inclusion } from './include.ts';

export interface ReverseOptions {
  /** Most resources included in one page. */
  readonly maxIncluded: number;
  readonly maxBytes: number;
}

/**
 * Searches for what refers to the matches of one page by the inclusions asked for, each resource once: what a caller
 * may see of it. What cannot be had is said in `issues`. FHIR R4 search.html#revinclude
 */
export async function reverseTargets(
  { type, revinclude = [] }: SearchQuery,
  matches: readonly Resource[],
  next: Backend,
  context: RequestContext,
  { maxIncluded, maxBytes }: ReverseOptions,
): Promise<Inclusion> {
  const known = new Set(matches.map(nameOf));
  const names = matches.flatMap(({ id }) =>
    id === undefined ? [] : [{ text: `${type}/${id}`, refType: type, refId: id }],
  );
  const included: Resource[] = [];
  const issues = new Map<string, Issue>();
  const missing = new Set<string>();
  for (const { source, param } of names.length === 0 ? [] : revinclude) {
    const count = maxIncluded + 1;
    const query: SearchQuery = {
      type: source,
      filters: [{ name: param, type: 'reference', values: names }],
      sort: [],
      count,
      include: [],
      applied: [
        [param, names.map(({ text }) => text).join(',')],
        ['_count', String(count)],
      ],
      ignored: [],
    };
    try {
      const request = {
        interaction: 'search',
        type: source,
        query,
        handling: 'strict',
        included: true,
      } as const;
      const { set, link } = await setOf(await next.handle(request, context), maxBytes);
      for (const issue of set.issues) issues.set(`${issue.code} ${issue.diagnostics}`, issue);
      const others = set.matches.filter((it) => !known.has(nameOf(it)));
      for (const other of others) known.add(nameOf(other));
      included.push(...others);
      if (set.next === undefined && !link && included.length <= maxIncluded) continue;
      missing.add(source);
      issues.set('incomplete', tooMany(maxIncluded));
    } catch (error) {
      if (!(error instanceof FicusError) || error.code !== 'forbidden') throw error;
      issues.set(`forbidden ${source}`, notAllowed(source));
    }
  }
  return { included: included.slice(0, maxIncluded), issues: [...issues.values()], missing };
}

function nameOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}

function tooMany(limit: number): Issue {
  return {
    severity: 'warning',
    code: 'incomplete',
    diagnostics: `No more than ${limit} resources are included in a page; the others were left out.`,
    expression: ['_revinclude'],
  };
}

function notAllowed(type: string): Issue {
  return {
    severity: 'information',
    code: 'forbidden',
    diagnostics: `No scope of this token allows to see ${type} resources; none were included.`,
    expression: ['_revinclude'],
  };
}
