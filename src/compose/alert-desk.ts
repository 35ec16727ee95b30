import { policyOf } from '../audit/audit-event.ts';
import { FicusError } from '../errors.ts';
import type { OperationHandler } from '../http/admin-contract.ts';
import type { AdminRequest } from '../http/admin.ts';
import type { Clock } from '../ports.ts';
import type { AlertStore, SecurityAlert } from '../privacy-ports.ts';
import type { Anomalies } from './anomalies.ts';

export interface AlertDeskOptions {
  readonly store: AlertStore;
  /** Absent: nothing is watched. */
  readonly anomalies: Pick<Anomalies, 'flush' | 'acknowledged'> | undefined;
  readonly publicBase: string;
  readonly clock: Clock;
}

/** Alerts that are listed at once. */
const LISTED = 100;
const MOST = 1_000;

/** Alerts of tokens: operations of contracts/admin-api.yaml by their ids. */
export function alertOperations(options: AlertDeskOptions): Record<string, OperationHandler> {
  const { store, anomalies, publicBase, clock } = options;
  const watching = anomalies !== undefined;
  const shown = (alert: SecurityAlert) => ({
    ...alert,
    trail: `${publicBase}/AuditEvent?policy=${encodeURIComponent(policyOf(alert.tokenId))}`,
  });
  return {
    listAlerts: async ({ query }) => {
      await anomalies?.flush();
      const { acknowledged, limit } = query;
      const found = await store.list({
        ...(acknowledged === undefined ? {} : { acknowledged: acknowledged === 'true' }),
        limit: limit === undefined ? LISTED : Math.min(MOST, wholeNumber(limit)),
      });
      return { body: { watching, alerts: found.map(shown) } };
    },
    acknowledgeAlert: async ({ params, body }) => {
      await anomalies?.flush();
      const found = await store.find(String(params['id']));
      if (!found) throw new FicusError('not-found', 'There is no such alert.');
      const { by, note } = body as AdminRequest['body'] & { readonly by: string; readonly note: string };
      const acknowledged = { by, at: new Date(clock.now()).toISOString(), note };
      if (!(await store.acknowledge(found.id, acknowledged)))
        throw new FicusError('conflict', 'Somebody has acknowledged this alert already.');
      anomalies?.acknowledged(found);
      const alert = shown({ ...found, acknowledged });
      return { body: { watching, alert }, audited: { details: { alert: found.id, token: found.tokenId } } };
    },
  };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new FicusError('parameter-invalid', 'limit is a whole number above zero.', { expression: ['limit'] });
}
