import { endpointNamed } from '../fhir/endpoint.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { RouteTable } from './table.ts';
import { sideOf } from './stage.ts';

const WRITES = ['create', 'update'] as const;

/** Endpoints by which modern writes a type alone: legacy is never told of what they do, and the outbox does not know. */
export function writtenAlone(type: string, table: Pick<RouteTable, 'get'>): readonly Endpoint[] {
  const alone: Endpoint[] = [];
  for (const interaction of WRITES) {
    const endpoint = endpointNamed(type, interaction);
    const route = table.get(endpoint);
    if (!route || sideOf(route.stage) !== 'modern') continue;
    if (route.legacy === undefined || route.stage === 'retired') alone.push(endpoint);
  }
  return alone;
}
