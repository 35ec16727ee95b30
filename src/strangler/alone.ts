import type { Endpoint } from '../fhir/types.ts';
import type { RouteTable } from './table.ts';
import { sideOf } from './stage.ts';

const WRITES = ['create', 'update'] as const;

/** Endpoints by which modern writes a type alone: legacy is never told of what they do, and the outbox does not know. */
export function writtenAlone(type: string, table: Pick<RouteTable, 'get'>): readonly Endpoint[] {
  return WRITES.map((interaction): Endpoint => `${type}.${interaction}`).filter((endpoint) => {
    const route = table.get(endpoint);
    if (!route || sideOf(route.stage) !== 'modern') return false;
    return route.legacy === undefined || route.stage === 'retired';
  });
}
