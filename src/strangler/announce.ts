import type { Endpoint } from '../fhir/types.ts';
import type { RouteAnnouncer } from '../ports.ts';

/** Announces to the tables of this process: for an instance that is alone. */
export function createInProcessAnnouncer(): RouteAnnouncer {
  const listeners = new Set<(endpoint: Endpoint, version: number) => void>();
  return {
    publish(endpoint, version) {
      for (const listener of listeners) listener(endpoint, version);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
