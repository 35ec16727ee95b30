import type { MappingSet } from '../../../src/mapping/mapping-set.ts';
import type { Authority, RunContext } from '../../../src/mapping/run.ts';
import type { NativeFilter, SourceSearch } from '../../../src/search/source.ts';
import { compileAsks, systemsOf } from './criteria.ts';
import { compileEndpoint, type Endpoint } from './endpoint.ts';
import { keyCriteria } from './key-query.ts';
import type { RecentOptions } from './recent.ts';
import type { SearchEndpoint } from './ways.ts';
import type { WriteEndpoint } from './write.ts';

/** The interaction files of adapter `hl7v2`, compiled. */
export interface Endpoints {
  /** By name; those that are internal included. */
  readonly all: ReadonlyMap<string, Endpoint>;
  /** By resource type. */
  readonly searches: ReadonlyMap<string, SearchEndpoint & { readonly native: SourceSearch }>;
  /** By name: `Patient.create`. */
  readonly writes: ReadonlyMap<string, WriteEndpoint>;
}

/** @throws Error with everything that the files name and that is not there. */
export function compileEndpoints(
  mappings: MappingSet,
  context: RunContext,
  recent?: RecentOptions,
): Endpoints {
  const problems: string[] = [];
  const attempt = <T>(name: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  const all = new Map<string, Endpoint>();
  for (const file of mappings.interactions.values()) {
    if (file.adapter !== 'hl7v2') continue;
    const endpoint = attempt(file.interaction, () => compileEndpoint(file, mappings, context, recent));
    if (endpoint) all.set(endpoint.name, endpoint);
  }
  const searches = new Map<string, SearchEndpoint & { readonly native: SourceSearch }>();
  const writes = new Map<string, WriteEndpoint>();
  for (const [name, endpoint] of all) {
    attempt(name, () => {
      const { type, file } = endpoint;
      const interaction = name.slice(type.length + 1);
      if (interaction === 'read') checkRead(endpoint);
      else if (interaction === 'search') {
        const { authorities } = context;
        const asks = compileAsks(file.params, { authorities, codes: mappings.codes });
        const systems = systemsOf(file.params, authorities);
        searches.set(type, { endpoint, asks, systems, native: nativeSearch(endpoint) });
      } else writes.set(name, compileWrite(endpoint, all, context.authorities));
    });
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return { all, searches, writes };
}

function checkRead(endpoint: Endpoint): void {
  keyCriteria(endpoint, { authority: { name: '', system: '' }, number: '' });
  if (!endpoint.reads) throw new Error('a read says in response.each where the resource is');
}

function compileWrite(
  endpoint: Endpoint,
  all: ReadonlyMap<string, Endpoint>,
  authorities: readonly Authority[],
): WriteEndpoint {
  const { request, writes: map, file } = endpoint;
  if (!map || !request.structure) throw new Error('a write names its maps and the structure of its message');
  const readerOf = (name: string): Endpoint => {
    const reader = all.get(name);
    if (reader?.name.endsWith('.read')) return reader;
    throw new Error(`${name} is no read`);
  };
  const reader = file.verify && readerOf(file.verify.by);
  if (request.onto === 'current' && !reader)
    throw new Error('what is written onto the current record is read by verify');
  const mint = file.mint && {
    authority: authorities.find(({ name }) => name === file.mint!.authority),
    type: file.mint.type,
  };
  if (mint && !mint.authority)
    throw new Error(`the authority ${file.mint!.authority} of mint is not registered in the configuration`);
  const { copy } = request;
  return {
    endpoint,
    map,
    reader,
    mint: mint as WriteEndpoint['mint'],
    copy: copy && { segments: copy.segments, by: copy.by, reader: readerOf(copy.from) },
  };
}

/** What the core can filter, as the file's parameters say. */
function nativeSearch({ file }: Endpoint): SourceSearch {
  const filters: Record<string, NativeFilter> = {};
  for (const [name, { match, modifiers, prefixes, or, repeat }] of Object.entries(file.params))
    filters[name] = { match, modifiers, prefixes, or, repeat };
  return { filters, anchors: file.anchors, maxPage: file.maxPage ?? 50 };
}
