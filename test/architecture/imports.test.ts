import { globSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import type { ICruiseResult, IModule } from 'dependency-cruiser';
import { beforeAll, describe, expect, it } from 'vitest';

/**
 * The floors of docs/architecture.md. A room may import rooms on lower floors and itself; `errors -> fhir -> ports` are ordered
 * within floor 0. Rooms on one floor do not know each other.
 */
const ROOMS: readonly (readonly [room: string, floor: number, path: RegExp])[] = [
  ['errors', 0, /^src\/errors\.ts$/],
  ['cancellation', 0.1, /^src\/cancellation\.ts$/],
  ['fhir', 0.1, /^src\/fhir\//],
  ['person', 0.1, /^src\/person\.ts$/],
  ['ports', 0.2, /^src\/([a-z]+-)?ports\.ts$/],
  ['contract', 1, /^src\/contract\//],
  ['search', 1, /^src\/search\//],
  ['mapping', 1, /^src\/mapping\//],
  ['strangler', 1, /^src\/strangler\//],
  ['resilience', 1, /^src\/resilience\//],
  ['clock', 1, /^src\/clock\.ts$/],
  ['security', 2, /^src\/security\//],
  ['audit', 2, /^src\/audit\//],
  ['identity', 2, /^src\/identity\//],
  ['store', 2, /^src\/store\//],
  ['projection', 2, /^src\/projection\//],
  ['log', 2, /^src\/log(-line)?\.ts$/],
  ['metrics', 2, /^src\/(metrics|timings)\.ts$/],
  ['adapters/hl7v2', 2, /^adapters\/hl7v2\//],
  ['adapters/soap', 2, /^adapters\/soap\//],
  ['adapters/modern', 2, /^adapters\/modern\//],
  ['events', 2, /^src\/events\//],
  ['http', 3, /^src\/http\//],
  ['config', 3, /^src\/config\//],
  ['top', 4, /^src\/(main|compose)\.ts$|^src\/(cli|compose)\/|^adapters\/index\.ts$/],
];

const SANDBOX = /^sandbox\//;

/** One room may read another of the same floor here: both are data of the standard. */
function roomOf(path: string): { readonly room: string; readonly floor: number } | undefined {
  const found = ROOMS.find(([, , pattern]) => pattern.test(path));
  return found && { room: found[0], floor: found[1] };
}

function refusal(from: string, to: string, typeOnly: boolean): string | undefined {
  if (SANDBOX.test(from)) {
    return /^(src|adapters)\//.test(to) && !typeOnly ? 'sandbox/ meets Ficus only over the wire' : undefined;
  }
  if (SANDBOX.test(to)) return roomOf(from)?.room === 'top' ? undefined : 'only the cli starts the sandbox';
  const source = roomOf(from);
  const target = roomOf(to);
  if (!source || !target) return 'belongs to no room';
  if (source.room === target.room || target.floor < source.floor) return undefined;
  return `${source.room} (floor ${source.floor}) may not import ${target.room} (floor ${target.floor})`;
}

let modules: IModule[];

beforeAll(async () => {
  const { output } = await cruise(['src', 'adapters', 'sandbox'], {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  });
  modules = (output as ICruiseResult).modules;
});

const own = () => modules.filter((module) => /^(src|adapters|sandbox)\/.*\.ts$/.test(module.source));

/** What loading a module loads, itself included; what it imports later, or for types alone, is not. */
function loadedWith(entry: string): Set<string> {
  const byName = new Map(modules.map((module) => [module.source, module]));
  const loaded = new Set([entry]);
  for (const name of loaded)
    for (const { resolved, dynamic, typeOnly } of byName.get(name)?.dependencies ?? [])
      if (!dynamic && !typeOnly) loaded.add(resolved);
  return loaded;
}

describe('imports', () => {
  it('sees every module of the tree, and their dependencies', () => {
    const onDisk = globSync(['src/**/*.ts', 'adapters/**/*.ts', 'sandbox/**/*.ts']).toSorted();
    expect(
      own()
        .map((module) => module.source)
        .toSorted(),
    ).toEqual(onDisk);
    const edges = own().reduce((sum, module) => sum + module.dependencies.length, 0);
    expect(edges).toBeGreaterThan(onDisk.length);
  });

  it('go downwards only, and never sideways', () => {
    const broken = own().flatMap((module) =>
      module.dependencies
        .filter((dependency) => /^(src|adapters|sandbox)\/.*\.ts$/.test(dependency.resolved))
        .map((dependency) => ({ to: dependency.resolved, typeOnly: dependency.typeOnly ?? false }))
        .map(({ to, typeOnly }) => ({
          edge: `${module.source} -> ${to}`,
          why: refusal(module.source, to, typeOnly),
        }))
        .filter(({ why }) => why !== undefined),
    );
    expect(broken).toEqual([]);
  });

  it('make no cycles', () => {
    const cycles = own().flatMap((module) =>
      module.dependencies
        .filter((dependency) => dependency.circular)
        .map((dependency) => `${module.source} -> ${dependency.resolved}`),
    );
    expect(cycles).toEqual([]);
  });

  it('load a command when it is asked for, and not the product with those that only ask a running one', () => {
    const ofFicus = (entry: string) =>
      [...loadedWith(entry)].filter((name) => /^(src|adapters)\//.test(name));
    expect(ofFicus('src/main.ts').filter((name) => !/^src\/(main\.ts|cli\/)/.test(name))).toEqual([]);
    for (const command of ['route', 'migrate', 'audit', 'security', 'token'])
      expect(ofFicus(`src/cli/${command}.ts`)).not.toContain('src/compose.ts');
    expect(ofFicus('src/cli/serve.ts')).toContain('src/compose.ts');
  });

  it('keep express inside http/', () => {
    const users = own()
      .filter((module) =>
        module.dependencies.some((dependency) =>
          /^(express|http-proxy-middleware|compression)$/.test(dependency.module),
        ),
      )
      .map((module) => module.source)
      .filter((source) => !source.startsWith('src/http/') && !SANDBOX.test(source));
    expect(users).toEqual([]);
  });

  it('keep files, sockets and processes out of the pure floor', () => {
    const effects =
      /^(node:)?(fs|net|tls|http|https|http2|dgram|child_process|worker_threads|cluster|sqlite)(\/|$)/;
    const broken = own()
      .filter((module) => [0, 0.1, 0.2, 1].includes(roomOf(module.source)?.floor ?? -1))
      .flatMap((module) =>
        module.dependencies
          .filter((dependency) => effects.test(dependency.module) && !dependency.typeOnly)
          .map((dependency) => `${module.source} -> ${dependency.module}`),
      )
      .filter((edge) => !ALLOWED_EFFECTS.has(edge));
    expect(broken).toEqual([]);
  });
});

/** The places where floor 0 and 1 read their own data files, once, at start. */
const ALLOWED_EFFECTS = new Set<string>([]);
