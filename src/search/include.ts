import { FicusError, toFicusError, type Issue } from '../errors.ts';
import { isJsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, RequestContext } from '../ports.ts';
import { resourceOf } from './ask.ts';
import { mapBounded } from './bounded.ts';
import { evaluable } from './parameter.ts';

export interface IncludeOptions {
  /** Whether resources of a type can be read here. */
  readonly serves: (type: string) => boolean;
  /** This server's own base address, without a slash at its end. */
  readonly base?: string;
  /** Most resources included in one page. */
  readonly maxIncluded: number;
  /** Reads at a time. */
  readonly concurrency: number;
  readonly maxBytes: number;
}

export interface Inclusion {
  readonly included: readonly Resource[];
  readonly issues: readonly Issue[];
  /** Types of which something could not be had. */
  readonly missing: ReadonlySet<string>;
}

/** A resource here. */
export interface Target {
  readonly type: string;
  readonly id: string;
}

/** Codes that say the type is not served, not that it could not be had this time. */
export const NOT_SERVED: readonly string[] = ['not-promised', 'not-implemented', 'method-not-allowed'];

/**
 * Reads what the matches of one page refer to by the inclusions asked for, each resource once. What is among the
 * matches is not read again. What cannot be had is said in `issues`. FHIR R4 search.html#include
 */
export async function includeTargets(
  include: SearchQuery['include'],
  matches: readonly Resource[],
  next: Backend,
  context: RequestContext,
  options: IncludeOptions,
): Promise<Inclusion> {
  const issues = new Map<string, Issue>();
  const say = (issue: Issue): void => void issues.set(`${issue.code} ${issue.diagnostics}`, issue);
  const targets = targetsOf(include, matches, options, say);
  const read = await readTargets(targets, next, context, options);
  for (const issue of read.issues) say(issue);
  return { ...read, issues: [...issues.values()] };
}

/** Reads resources that belong to an answer; no more than may be included. What cannot be had is said in `issues`. */
export async function readTargets(
  found: readonly Target[],
  next: Backend,
  context: RequestContext,
  options: Omit<IncludeOptions, 'base'>,
): Promise<Inclusion> {
  const issues = new Map<string, Issue>();
  const say = (issue: Issue): void => void issues.set(`${issue.code} ${issue.diagnostics}`, issue);
  const missing = new Set<string>();
  const wanted = found.filter(({ type }) => options.serves(type));
  for (const { type } of found) if (!options.serves(type)) say(notServed(type));
  const targets = wanted.slice(0, options.maxIncluded);
  if (targets.length < wanted.length) {
    for (const { type } of wanted.slice(options.maxIncluded)) missing.add(type);
    say(
      incomplete(
        `No more than ${options.maxIncluded} resources are included in a page; the others were left out.`,
      ),
    );
  }
  const read = await mapBounded(targets, options.concurrency, async ({ type, id }) => {
    try {
      const response = await next.handle(
        { interaction: 'read', type, id, handling: 'lenient', included: true },
        context,
      );
      const resource = await resourceOf(response, options.maxBytes);
      if (resource === undefined) throw new FicusError('not-found', 'It is not there.');
      return resource;
    } catch (thrown) {
      const error = toFicusError(thrown);
      if (error.code === 'not-found') say(absent(type));
      else if (NOT_SERVED.includes(error.code)) say(notServed(type));
      else if (error.code === 'forbidden') say(notAllowed(type));
      else {
        context.log.warn('a resource could not be included', { resourceType: type, error });
        missing.add(type);
        say(incomplete(`Some ${type} resources to be included could not be read (${error.code}).`));
      }
      return undefined;
    }
  });
  return {
    included: read.filter((resource) => resource !== undefined),
    issues: [...issues.values()],
    missing,
  };
}

/** Every resource to be read, once, in the order in which the matches name them. */
function targetsOf(
  include: SearchQuery['include'],
  matches: readonly Resource[],
  { base }: Pick<IncludeOptions, 'base'>,
  say: (issue: Issue) => void,
): Target[] {
  const known = new Set(matches.map(({ resourceType, id }) => `${resourceType}/${id}`));
  const targets: Target[] = [];
  for (const { source, param, target } of include) {
    const extract = evaluable(source, param)?.extract;
    for (const match of matches) {
      if (match.resourceType !== source) continue;
      for (const element of extract?.(match) ?? []) {
        const reference = isJsonObject(element) ? element['reference'] : undefined;
        const parsed = typeof reference === 'string' ? parseReference(reference) : undefined;
        const local = parsed?.kind === 'relative' || (parsed?.kind === 'absolute' && parsed.base === base);
        if (parsed?.kind === 'absolute' && !local) say(ELSEWHERE);
        if (!local || (target !== undefined && parsed.type !== target)) continue;
        const key = `${parsed.type}/${parsed.id}`;
        if (known.has(key)) continue;
        known.add(key);
        targets.push({ type: parsed.type, id: parsed.id });
      }
    }
  }
  return targets;
}

const ELSEWHERE: Issue = {
  severity: 'information',
  code: 'not-supported',
  diagnostics: 'Resources on other servers are not included.',
  expression: ['_include'],
};

function notServed(type: string): Issue {
  return {
    severity: 'information',
    code: 'not-supported',
    diagnostics: `${type} resources are not served here; references to them were not followed.`,
    expression: ['_include'],
  };
}

function notAllowed(type: string): Issue {
  return {
    severity: 'information',
    code: 'forbidden',
    diagnostics: `A ${type} that was to be included is not for this caller.`,
    expression: ['_include'],
  };
}

function absent(type: string): Issue {
  return {
    severity: 'warning',
    code: 'not-found',
    diagnostics: `A ${type} that was to be included is not there.`,
    expression: ['_include'],
  };
}

function incomplete(diagnostics: string): Issue {
  return { severity: 'warning', code: 'incomplete', diagnostics, expression: ['_include'] };
}
