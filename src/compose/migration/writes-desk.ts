import { FicusError } from '../../errors.ts';
import type { OperationHandler } from '../../http/admin-contract.ts';
import type { AdminRequest } from '../../http/admin.ts';
import type { DriftReport, OutboxHead } from '../../replica-ports.ts';
import type { RouteTable } from '../../strangler/table.ts';
import { routeOf } from './desk.ts';
import type { Migration } from './migration.ts';

export interface WritesDeskOptions {
  readonly migration: Pick<Migration, 'keeping'>;
  readonly table: Pick<RouteTable, 'get'>;
}

type Signed = AdminRequest['body'] & { readonly by: string; readonly reason: string };

/** Writes that the other side has to be told of: operations of contracts/admin-api.yaml by their ids. */
export function writesOperations({ migration, table }: WritesDeskOptions): Record<string, OperationHandler> {
  const { reconciler, backfiller, writes } = migration.keeping;
  const { outbox } = writes;
  const idOf = (request: AdminRequest): string => String(request.params['id']);
  return {
    listOutbox: async ({ query }) => {
      const { side, state } = query;
      const entries = outbox
        .list()
        .filter(
          (head) =>
            (side === undefined || head.toward === side) && (state === undefined || head.state === state),
        )
        .map(viewOf);
      return { body: { entries, ledger: await outbox.ledger() } };
    },
    retryEntry: async (request) => {
      const { by, reason } = request.body as Signed;
      await outbox.retry(idOf(request), { by, reason });
      return { body: {} };
    },
    discardEntry: async (request) => {
      const { by, reason } = request.body as Signed;
      await outbox.discard(idOf(request), { by, reason });
      return { body: {} };
    },
    startBackfill: async (request) => {
      const { patients, perSecond, by, reason } = request.body as Signed & {
        patients: readonly string[];
        perSecond?: number;
      };
      const pace = perSecond === undefined ? {} : { perSecond };
      const { endpoint } = routeOf(table, request);
      const fill = { endpoint, patients, by, reason, ...pace };
      return { status: 202, body: await backfiller.start(fill) };
    },
    listBackfills: async () => ({ body: { jobs: await backfiller.list() } }),
    getBackfill: async (request) => {
      const job = await backfiller.find(idOf(request));
      if (!job) throw new FicusError('not-found', 'There is no such fill.');
      return { body: job };
    },
    resumeBackfill: async (request) => ({ status: 202, body: await backfiller.resume(idOf(request)) }),
    stopBackfill: async (request) => ({ body: await backfiller.stop(idOf(request)) }),
    reconcile: async (request) => {
      const { by, reason, repair = 'no' } = request.body as Signed & { repair?: DriftReport['repair'] };
      const { endpoint } = routeOf(table, request);
      const asked = { endpoint, by, reason, repair };
      return { status: 202, body: await reconciler.start(asked) };
    },
    drift: async (request) => {
      const report = await reconciler.latest(routeOf(table, request).endpoint);
      if (!report) throw new FicusError('not-found', 'The two sides have not been compared yet.');
      return { body: report };
    },
  };
}

function viewOf(head: OutboxHead) {
  const { id, endpoint, resourceId, from, toward, state, attempts, acceptedAt, lastError, owner } = head;
  return {
    id,
    endpoint,
    ...(resourceId === undefined ? {} : { resourceId }),
    from,
    toward,
    state,
    attempts,
    acceptedAt: new Date(acceptedAt).toISOString(),
    ...(lastError === undefined ? {} : { lastError }),
    ...(owner === undefined ? {} : { owner }),
  };
}
