import { AUTOMATIC } from '../../person.ts';
import { whereabouts } from '../../strangler/step-words.ts';
import type { RouteTable } from '../../strangler/table.ts';
import type { Logger, Route } from '../../ports.ts';
import type { AuditEntry, AuditSink } from '../../security-ports.ts';

/**
 * Tells the audit what Ficus does to a route by itself, where the measures ask for it. What people do is told by the
 * admin API, before they are answered.
 */
export function tellAutomatic(table: Pick<RouteTable, 'onChange'>, sink: AuditSink, log: Logger): void {
  table.onChange((route, before) => {
    if (route.updatedBy !== AUTOMATIC) return;
    sink.write([entryOf(route, before)]).catch((error: unknown) => {
      log.error('What Ficus did to a route is not in the audit', { endpoint: route.endpoint, error });
    });
  });
}

function entryOf(route: Route, before: Route): AuditEntry {
  const { endpoint, version } = route;
  return {
    kind: 'route-change',
    outcome: 'success',
    agent: { subject: AUTOMATIC },
    requestId: `${endpoint}-${version}`,
    action: route.hold && !before.hold ? 'migration.hold' : 'migration.rollback',
    patients: [],
    references: [],
    details: { endpoint, from: whereabouts(before), to: whereabouts(route), version: String(version) },
  };
}
