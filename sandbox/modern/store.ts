import { randomUUID } from 'node:crypto';
import { isObject, type Resource } from './json.ts';

/** One version of a resource. */
export interface Version {
  readonly id: string;
  readonly versionId: string;
  /** ISO 8601, UTC. */
  readonly lastUpdated: string;
  readonly resource: Resource;
  /** Its JSON, the digits of decimals as they were sent. */
  readonly text: string;
}

/** The resources of one type. */
export interface Store {
  current(id: string): Version | undefined;
  version(id: string, versionId: string): Version | undefined;
  /** Current versions, in the order in which they were created. */
  all(): readonly Version[];
  /** A new resource under a new id. */
  create(resource: Resource): Version;
  /** A new version under this id, the first one if need be. */
  put(id: string, resource: Resource): Version;
  clear(): void;
}

export function createStore(now: () => number): Store {
  const versions = new Map<string, Version[]>();
  const put = (id: string, resource: Resource): Version => {
    const before = versions.get(id) ?? [];
    const versionId = String(before.length + 1);
    const lastUpdated = new Date(now()).toISOString();
    const { resourceType, id: _id, meta, ...rest } = resource;
    const stored: Resource = {
      resourceType,
      id,
      meta: { ...(isObject(meta) ? meta : {}), versionId, lastUpdated },
      ...rest,
    };
    const version = { id, versionId, lastUpdated, resource: stored, text: JSON.stringify(stored) };
    versions.set(id, [...before, version]);
    return version;
  };
  return {
    current: (id) => versions.get(id)?.at(-1),
    version: (id, versionId) => versions.get(id)?.find((each) => each.versionId === versionId),
    all: () => [...versions.values()].flatMap((list) => list.at(-1) ?? []),
    create: (resource) => put(randomUUID(), resource),
    put,
    clear: () => versions.clear(),
  };
}
