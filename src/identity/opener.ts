import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { findReferences } from '../fhir/found-references.ts';
import { RESOURCE_TYPES, isResourceType } from '../fhir/elements.ts';
import { parseReference } from '../fhir/reference.ts';
import { searchParameter } from '../fhir/search-parameters.ts';
import type { SearchFilter, SearchQuery, SearchValue } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { CrosswalkStore } from '../ports.ts';
import { mapReferences } from './references.ts';
import type { Sealer } from './seal.ts';

/** Turns FHIR ids of a request into legacy keys. */
export interface Opener {
  /** The key behind an id; undefined when it is not ours. */
  key(type: string, id: string): Promise<string | undefined>;
  /** The same at once, for ids that need no look-up; undefined says nothing of the others. */
  keyNow(type: string, id: string): string | undefined;
  /** The query in keys; undefined when it can match nothing. */
  query(query: SearchQuery): Promise<SearchQuery | undefined>;
  /** The body with references in keys. @throws FicusError `value-invalid`, naming every reference that is not ours. */
  body(resource: Resource): Promise<Resource>;
}

/** What a reference of a request points at, seen from here. */
type Target = { readonly type: string; readonly id: string } | 'elsewhere' | 'malformed';

export function createOpener(options: {
  readonly sealer: Sealer;
  readonly crosswalk: CrosswalkStore;
  readonly publicBase: string;
}): Opener {
  const { sealer, crosswalk, publicBase } = options;

  function keyNow(type: string, id: string): string | undefined {
    return sealer.isHashed(id) ? undefined : (sealer.open(type, id) ?? crosswalk.assignedKey(type, id));
  }

  async function key(type: string, id: string): Promise<string | undefined> {
    if (!sealer.isHashed(id)) return keyNow(type, id);
    const entry = await crosswalk.find(id);
    return entry?.type === type ? entry.key : undefined;
  }

  function target(reference: string): Target {
    const parsed = parseReference(reference);
    if (!parsed) return 'malformed';
    if (parsed.kind === 'contained' || parsed.kind === 'urn') return 'elsewhere';
    if (parsed.kind === 'url') return parsed.url.startsWith(`${publicBase}/`) ? 'malformed' : 'elsewhere';
    if (parsed.kind === 'absolute' && parsed.base !== publicBase) return 'elsewhere';
    // The legacy side knows no versions: a reference to one would lose its version in silence.
    return parsed.versionId === undefined ? parsed : 'malformed';
  }

  async function body(resource: Resource): Promise<Resource> {
    const keys = new Map<string, string>();
    const problems: Issue[] = [];
    for (const { reference, path } of findReferences(resource)) {
      if (keys.has(reference)) continue;
      const to = target(reference);
      if (to === 'elsewhere') continue;
      const found = to === 'malformed' ? undefined : await key(to.type, to.id);
      if (to !== 'malformed' && found !== undefined) keys.set(reference, `${to.type}/${found}`);
      else
        problems.push(
          notOurs(
            path,
            to === 'malformed' ? 'is no reference to a current resource' : 'points at nothing here',
          ),
        );
    }
    if (problems.length > 0) {
      throw new FicusError('value-invalid', 'The resource has references that cannot be followed.', {
        issues: problems,
      });
    }
    return keys.size === 0
      ? resource
      : mapReferences(resource, (reference) => keys.get(reference) ?? reference);
  }

  async function query(query: SearchQuery): Promise<SearchQuery | undefined> {
    const filters: SearchFilter[] = [];
    for (const filter of query.filters) {
      const translated = await translateFilter(query.type, filter);
      if (translated.values.length > 0) filters.push(translated);
      // `:not` of nothing excludes nothing; any other filter of nothing matches nothing.
      else if (filter.modifier !== 'not') return undefined;
    }
    return { ...query, filters };
  }

  async function translateFilter(type: string, filter: SearchFilter): Promise<SearchFilter> {
    const open = opening(type, filter);
    if (!open) return filter;
    const values = await Promise.all(filter.values.map(open));
    return { ...filter, values: values.filter((value) => value !== undefined) };
  }

  /** How the values of a filter are opened; undefined: they hold no ids. */
  function opening(
    type: string,
    filter: SearchFilter,
  ): ((value: SearchValue) => Promise<SearchValue | undefined>) | undefined {
    if (filter.chain || filter.modifier === 'missing' || filter.modifier === 'identifier') return undefined;
    if (filter.name === '_id') return (value) => openId(type, value);
    if (filter.type !== 'reference') return undefined;
    const targets = candidates(type, filter);
    return (value) => openReference(value, targets);
  }

  async function openId(type: string, value: SearchValue): Promise<SearchValue | undefined> {
    const found = await key(type, value.code ?? value.text);
    if (found === undefined) return undefined;
    return { ...value, text: found, ...(value.code === undefined ? {} : { code: found }) };
  }

  async function openReference(
    value: SearchValue,
    targets: readonly string[],
  ): Promise<SearchValue | undefined> {
    const to = target(value.text);
    if (to === 'elsewhere') return value;
    // A bare id may belong to any type that the parameter may point at: it opens as the right one only.
    const id = typeof to === 'object' ? to.id : (value.refId ?? value.text);
    const tried =
      typeof to === 'object' ? [to.type] : value.refType === undefined ? targets : [value.refType];
    for (const type of tried) {
      const found = await key(type, id);
      if (found !== undefined) return { ...value, text: `${type}/${found}`, refType: type, refId: found };
    }
    return undefined;
  }

  return { key, keyNow, query, body };
}

function candidates(type: string, filter: SearchFilter): readonly string[] {
  if (filter.modifier !== undefined && isResourceType(filter.modifier)) return [filter.modifier];
  return searchParameter(type, filter.name)?.targets ?? RESOURCE_TYPES;
}

function notOurs(path: string, words: string): Issue {
  return { severity: 'error', code: 'value', diagnostics: `The reference ${words}.`, expression: [path] };
}
