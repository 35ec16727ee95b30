import { FicusError } from '../../src/errors.ts';
import type { Issue } from '../../src/errors.ts';
import type { SearchFilter } from '../../src/fhir/search-query.ts';
import type { Resource } from '../../src/fhir/types.ts';
import { compileFilters } from '../../src/search/match.ts';
import type { MatchOptions } from '../../src/search/match.ts';
import type { SourceSearch } from '../../src/search/source.ts';
import { tooCostly } from '../../src/search/plan.ts';
import { authorityOf, compilePush } from './criteria.ts';
import type { CriteriaOptions, Criterion, Push } from './criteria.ts';
import type { Operation } from './service.ts';

/** A search as it is put to the service. */
export type Asked =
  | {
      readonly kind: 'search';
      readonly criteria: readonly Criterion[];
      /** The filters that the criteria stand for. */
      readonly pushed: readonly SearchFilter[];
    }
  /** One record by its number. */
  | { readonly kind: 'read'; readonly number: string }
  | { readonly kind: 'nothing' };

/** What a search operation can look for. */
export interface Searching {
  readonly native: SourceSearch;
  /** @throws FicusError `too-costly` when what is left to the service does not bound the search. */
  ask(filters: readonly SearchFilter[]): Asked;
  /**
   * What to say of records that do not answer a pushed filter which the service is trusted to answer exactly: it keeps
   * them under another number now, as after a merge, and they will be left out.
   */
  moved(pushed: readonly SearchFilter[], resources: readonly Resource[]): readonly Issue[];
}

/** Service pages are this large where the file does not say. */
const MAX_PAGE = 100;
const DAY_MS = 86_400_000;

/** Compiles the parameters of a search. @throws Error naming a parameter that does not serve. */
export function compileSearching(
  operation: Operation,
  options: CriteriaOptions,
  matching: () => MatchOptions,
): Searching {
  const { file, type, authority } = operation;
  const params = Object.entries(file.params);
  const pushes = new Map<string, Push>(
    params.map(([name, param]) => [name, compilePush(name, param, options)]),
  );
  const native: SourceSearch = {
    filters: Object.fromEntries(
      params.map(([name, { match, modifiers, prefixes, or, repeat }]) => [
        name,
        { match, modifiers, prefixes, or, repeat },
      ]),
    ),
    anchors: file.anchors,
    maxPage: file.maxPage ?? MAX_PAGE,
  };

  return {
    native,
    ask(filters) {
      const numbered = numberAsked(filters, operation, options);
      if (numbered) return numbered;
      const criteria: Criterion[] = [];
      const pushed = new Set<string>();
      for (const [name, push] of pushes) {
        const own = filters.filter((filter) => filter.name === name);
        const result = own.length === 0 ? 'open' : push(own);
        if (result === 'nothing') return { kind: 'nothing' };
        if (result === 'open') continue;
        // Two parameters of one element (patient and subject): the first is asked for, the other checked.
        if (result.criteria.some(({ path }) => criteria.some((it) => it.path === path))) continue;
        pushed.add(name);
        criteria.push(...result.criteria);
      }
      const anchors = file.anchors.filter((anchor) => anchor.every((name) => pushed.has(name)));
      if (anchors.length === 0) throw tooCostly(type, file.anchors);
      if (anchors.every((anchor) => anchor.some((name) => isTooLong(name, criteria))))
        throw longRange(type, anchors);
      return { kind: 'search', criteria, pushed: filters.filter(({ name }) => pushed.has(name)) };
    },
    moved(pushed, resources) {
      const exact = pushed.filter(({ name }) => file.params[name]?.match === 'exact');
      const matches = compileFilters(type, exact, matching());
      if (resources.every(matches)) return [];
      const names = [...new Set(exact.map(({ name }) => name))];
      return [
        {
          severity: 'warning',
          code: 'incomplete',
          diagnostics: `Records were found that the legacy service now keeps under another ${names.join(' or ')}; they were left out. Search by that one.`,
          expression: names,
        },
      ];
    },
  };

  /** Whether a range of days is open at an end, or longer than the service takes. */
  function isTooLong(name: string, criteria: readonly Criterion[]): boolean {
    const { from, to, days } = file.params[name] ?? {};
    if (days === undefined) return false;
    const [first, last] = [from, to].map((path) => criteria.find((it) => it.path === path)?.text);
    if (first === undefined || last === undefined) return true;
    return (Date.parse(last) - Date.parse(first)) / DAY_MS > days;
  }

  function longRange(resourceType: string, anchors: readonly (readonly string[])[]): FicusError {
    const named = anchors.flat().find((name) => file.params[name]?.days !== undefined) ?? '';
    const others = file.anchors
      .filter((anchor) => !anchor.includes(named))
      .map((names) => names.join(' with '));
    return new FicusError(
      'too-costly',
      `The system that holds the data searches ${resourceType} by ${named} alone for at most ${file.params[named]?.days} days. Give both ends of such a range, or search by ${others.join(', or by ')}.`,
      { expression: [named] },
    );
  }

  /** An `identifier` that the service gives its own records; undefined: it is not asked for one. */
  function numberAsked(
    filters: readonly SearchFilter[],
    { file: { params } }: Operation,
    { authorities }: CriteriaOptions,
  ): Asked | undefined {
    const filter = filters.find(({ name, modifier }) => name === 'identifier' && modifier === undefined);
    const [value, ...others] = filter?.values ?? [];
    if (!value || others.length > 0 || value.code === undefined) return undefined;
    // Without an element of its own, a parameter `identifier` means that the records have no other number.
    const isOnly = params['identifier']?.xml === undefined;
    const isOwn = value.system === undefined ? isOnly : authorityOf(value.system, authorities) === authority;
    if (isOwn) return { kind: 'read', number: value.code };
    return isOnly ? { kind: 'nothing' } : undefined;
  }
}
