import { FicusError } from '../../../../src/errors.ts';
import { operationOutcome } from '../../../../src/fhir/outcome.ts';
import type { SearchQuery } from '../../../../src/fhir/search-query.ts';
import type { JsonObject, Resource } from '../../../../src/fhir/types.ts';
import { weakEtag } from '../../../../src/fhir/version.ts';
import type { Backend, FhirRequest, FhirResponse } from '../../../../src/ports.ts';
import { conditional } from '../../../../src/resilience/conditional.ts';
import { pipeOf } from '../../../../src/resilience/held.ts';
import { createSourceBackend } from '../../../../src/search/backend.ts';
import { compileFilters } from '../../../../src/search/match.ts';
import { parseSearch } from '../../../../src/search/parse.ts';
import { CONTINUATIONS } from '../../../../src/search/rules.ts';
import type { LegacySource, NativeFilter } from '../../../../src/search/source.ts';
import { createMemoryStores } from '../../../../src/store/stores.ts';
import { historyOf, projection, snapshot } from '../../projection/support.ts';
import { everything, NOW, options, sealer, testClock, UTC } from '../../search/support.ts';
import { BASE, PATIENTS, TYPES, type Known, type Random } from './world.ts';

/** A system that holds a world, and what it holds now. */
export interface Holder {
  readonly backend: Backend;
  readonly writes: boolean;
  /** Whether it follows chains by itself. */
  readonly native: boolean;
  /** Whether it decides about criteria by what it holds at that moment, and by nothing else. */
  readonly atomic?: boolean;
  /** Logical id of the patient that was merged into another: a search by it goes on to the other. */
  readonly retired?: string;
  /** All states of all resources, oldest first, as they are told to who may see everything. */
  states(): Promise<readonly (readonly Known[])[]>;
}

/** One of three ways to hold a world: a projection of what the feed told, a legacy source, a modern service. */
export function holderOf(random: Random, world: readonly Known[]): Holder {
  const kind = random.int(3);
  if (kind === 0) return projected(world, random.chance(0.5) ? mergeOf(random) : undefined);
  return kind === 1 ? sourced(world, random.chance(0.5)) : served(world);
}

/** The same system twice, over a world and over a part of it. */
export function holdersOf(
  random: Random,
  world: readonly Known[],
  isIn: (state: Known) => boolean,
): readonly [Holder, Holder] {
  const part = world.filter(isIn);
  const kind = random.int(3);
  if (kind === 0) return [told(world, () => true), told(world, isIn)];
  if (kind === 1) return [served(world), served(part)];
  const anchored = random.chance(0.5);
  return [sourced(world, anchored), sourced(part, anchored)];
}

/** What the feed told of a part of a world, each at the time at which it told it of the whole; names come first, in the same order. */
function told(world: readonly Known[], isIn: (state: Known) => boolean): Holder {
  const entry = [...new Set(world.map(nameOf))].map((reference) => ({ item: { reference } }));
  const names: Known = { resourceType: 'List', id: 'names', status: 'current', mode: 'working', entry };
  return projected([names, ...world], undefined, (state) => state === names || isIn(state));
}

const nameOf = ({ resourceType, id }: Known): string => `${resourceType}/${id}`;

interface Merge {
  readonly from: string;
  readonly into: string;
}

function mergeOf(random: Random): Merge {
  const from = random.pick(PATIENTS);
  return { from, into: random.pick(PATIENTS.filter((id) => id !== from)) };
}

/** What the feed told, some of it merged afterwards. @param isIn what of it */
function projected(
  world: readonly Known[],
  merge?: Merge,
  isIn: (state: Known) => boolean = () => true,
): Holder {
  const it = projection({ defaultCount: 3 });
  for (const [at, resource] of world.entries())
    if (isIn(resource)) it.apply({ changes: [snapshot(resource)] }, { seq: at + 1 });
  if (merge) it.apply({ identity: [{ kind: 'merge', type: 'Patient', ...merge }] });
  const names = [...new Set(world.map(({ resourceType, id }) => `${resourceType}/${id}`))];
  return {
    backend: it.backend,
    writes: false,
    native: true,
    ...(merge ? { retired: merge.from } : {}),
    async states() {
      return Promise.all(
        names.map(async (name) => {
          const [type = '', id = ''] = name.split('/');
          const { body } = await it.ask(historyOf(type, id, [['_count', '50']]));
          const bundle = body.kind === 'resource' ? body.resource : undefined;
          const entries = (bundle?.['entry'] ?? []) as { resource: Known }[];
          return entries.map(({ resource }) => resource).toReversed();
        }),
      );
    },
  };
}

/** States by name, and the ids of what is made. */
class Memory {
  readonly all = new Map<string, Known[]>();
  #made = 0;

  constructor(world: readonly Known[]) {
    for (const state of world) this.put(state);
  }

  put(state: Known): Known {
    const name = `${state.resourceType}/${state.id}`;
    const states = this.all.get(name) ?? [];
    const versionId = String(states.length + 1);
    const versioned = { ...state, meta: { ...(state['meta'] as JsonObject | undefined), versionId } };
    this.all.set(name, [...states, versioned]);
    return versioned;
  }

  newId(): string {
    return `n${(this.#made += 1)}`;
  }

  find(type: string, id: string | undefined): Known | undefined {
    return this.all.get(`${type}/${id}`)?.at(-1);
  }

  ofType(type: string): Known[] {
    return [...this.all.values()].flatMap((states) => {
      const last = states.at(-1);
      return last?.resourceType === type ? [last] : [];
    });
  }

  states(): Promise<readonly (readonly Known[])[]> {
    return Promise.resolve([...this.all.values()]);
  }
}

const NATIVE: NativeFilter = { match: 'wider', modifiers: [''], prefixes: [], or: true, repeat: true };

/** A legacy core that filters little, with the preconditions it does not know. @param anchored it must be told whose record it is to look into */
export function sourced(world: readonly Known[], anchored: boolean): Holder {
  const memory = new Memory(world);
  const gone = (): FicusError => new FicusError('not-found', 'Nothing is known of it.');
  const source: LegacySource = {
    name: 'core',
    endpoints: TYPES.flatMap(
      (type) => [`${type}.read`, `${type}.search`, `${type}.create`, `${type}.update`] as const,
    ),
    searchOf: () => ({
      filters: { patient: NATIVE, subject: NATIVE, identifier: NATIVE, category: NATIVE },
      anchors: anchored ? [['patient'], ['subject'], ['identifier']] : [[]],
      maxPage: 3,
    }),
    async read(type, id) {
      const found = memory.find(type, id);
      if (!found) throw gone();
      return found;
    },
    async search(type, _filters, { count, cursor = '0' }) {
      const all = memory.ofType(type);
      const end = Number(cursor) + count;
      const next = end < all.length ? { next: String(end) } : {};
      return { resources: all.slice(Number(cursor), end), ...next };
    },
    create: async (_type, resource) => memory.put({ ...resource, id: memory.newId() }),
    async update(type, id, resource) {
      if (!memory.find(type, id)) throw gone();
      return memory.put({ ...resource, id });
    },
    abandon: () => undefined,
  };
  const clock = testClock();
  const backend = createSourceBackend(source, {
    clock,
    pages: sealer(clock),
    zone: UTC,
    base: BASE,
    defaultCount: 3,
  });
  const preconditions = conditional({ store: createMemoryStores().idempotency, clock, settleMs: 0 });
  return { backend: preconditions(backend), writes: true, native: false, states: () => memory.states() };
}

/** A modern service: its bytes, its pages, its totals, and it decides about criteria by itself. */
export function served(world: readonly Known[]): Holder {
  const memory = new Memory(world);
  return {
    backend: { handle: async (request) => serve(memory, request) },
    writes: true,
    native: false,
    atomic: true,
    states: () => memory.states(),
  };
}

function serve(memory: Memory, request: FhirRequest): FhirResponse {
  const { interaction, type, id, versionId, query, ifNoneExist } = request;
  const found = memory.find(type, id);
  if (query?.applied.some(([name]) => name.startsWith('_has:'))) return refused(400, 'not-supported');
  if (interaction === 'search') return piped(200, searched(memory, type, query?.applied ?? []));
  if (interaction === 'create') {
    const [match, ...more] = ifNoneExist ? matching(memory, ifNoneExist) : [];
    if (more.length > 0) return refused(412, 'multiple-matches');
    if (match) return piped(200, match);
    return piped(201, memory.put({ ...sent(request), id: memory.newId() }));
  }
  if (interaction === 'update' && id === undefined) {
    const [match, ...more] = query ? matching(memory, query) : [];
    if (more.length > 0) return refused(412, 'multiple-matches');
    return piped(match ? 200 : 201, memory.put({ ...sent(request), id: match?.id ?? memory.newId() }));
  }
  const current = (found?.['meta'] as JsonObject | undefined)?.['versionId'];
  if (interaction === 'update' && request.ifMatch !== undefined && request.ifMatch !== current)
    return refused(412, 'conflict');
  // A service may take an id that the client chose.
  if (interaction === 'update')
    return piped(found ? 200 : 201, memory.put({ ...sent(request), id } as Known));
  if (!found) return refused(404, 'not-found');
  const states = memory.all.get(`${type}/${id}`) ?? [];
  if (interaction === 'history') {
    const entry = states.map((resource) => ({ resource })).toReversed();
    return piped(200, { resourceType: 'Bundle', type: 'history', total: states.length, entry });
  }
  if (interaction === 'read') return piped(200, found);
  const state = states.find((it) => (it['meta'] as JsonObject)['versionId'] === versionId);
  return state ? piped(200, state) : refused(404, 'not-found');
}

function sent({ resource, body }: FhirRequest): Resource {
  if (body instanceof Uint8Array) return JSON.parse(Buffer.from(body).toString()) as Resource;
  return resource!;
}

function matching(memory: Memory, { type, applied }: SearchQuery): Known[] {
  const { filters } = parseSearch(type, applied, options({ rules: everything, handling: 'lenient' }));
  const match = compileFilters(type, filters, { zone: UTC, now: NOW, base: BASE });
  return memory.ofType(type).filter(match);
}

const PAGE = 3;

function searched(memory: Memory, type: string, applied: readonly (readonly [string, string])[]): Resource {
  const plain = applied.filter(([name]) => !CONTINUATIONS.includes(name));
  const query = parseSearch(type, plain, options({ rules: everything, handling: 'lenient' }));
  const all = matching(memory, query);
  const start = Number(applied.find(([name]) => name === '_offset')?.[1] ?? 0);
  const page = all.slice(start, start + PAGE);
  const text = [...plain, ['_offset', String(start + PAGE)] as const]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: all.length,
    link: start + PAGE < all.length ? [{ relation: 'next', url: `${BASE}/${type}?${text}` }] : [],
    entry: page.map((resource) => ({
      fullUrl: `${BASE}/${type}/${resource.id}`,
      resource,
      search: { mode: 'match' },
    })),
  };
}

function piped(status: number, resource: Resource): FhirResponse {
  const { versionId } = (resource['meta'] ?? {}) as { versionId?: string };
  const written = status === 201 ? { location: `${resource.resourceType}/${resource.id}` } : {};
  return {
    status,
    headers: {
      'content-type': 'application/fhir+json',
      ...(versionId === undefined ? {} : { etag: weakEtag(versionId) }),
      ...written,
    },
    body: pipeOf(Buffer.from(JSON.stringify(resource))),
    servedBy: 'modern:labs',
  };
}

function refused(status: number, code: string): FhirResponse {
  return piped(status, operationOutcome([{ severity: 'error', code, diagnostics: 'It was refused.' }]));
}
