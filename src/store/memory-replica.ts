import type { Endpoint } from '../fhir/types.ts';
import type { DriftReport, DriftReportStore, Replica, ReplicaStore } from '../replica-ports.ts';

/** What went to both sides, forgotten when the process ends. */
export function createMemoryReplicaStore(): ReplicaStore {
  const replicas = new Map<string, Replica>();
  return {
    async put(replica) {
      replicas.set(`${replica.type}/${replica.id}`, replica);
    },
    find: async (type, id) => replicas.get(`${type}/${id}`),
    list: async (type, after = '', limit) =>
      [...replicas.values()]
        .filter((replica) => replica.type === type && replica.id > after)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
  };
}

/** The newest drift report of each type, forgotten when the process ends. */
export function createMemoryDriftReportStore(): DriftReportStore {
  const reports = new Map<string, DriftReport>();
  return {
    async save(report) {
      reports.set(report.type, report);
    },
    latest: async (endpoint) => reports.get(typeOf(endpoint)),
  };
}

/** The resource type of an endpoint. */
export function typeOf(endpoint: Endpoint): string {
  return endpoint.slice(0, endpoint.indexOf('.'));
}
