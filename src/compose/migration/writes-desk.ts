import { FicusError } from '../../errors.ts';
import type { OperationHandler } from '../../http/admin-contract.ts';
import type { AdminRequest } from '../../http/admin.ts';
import type { OutboxHead } from '../../migration-ports.ts';
import type { RouteTable } from '../../strangler/table.ts';
import type { Migration } from './migration.ts';

export interface WritesDeskOptions {
  readonly migration: Pick<Migration, 'writes'>;
  readonly table: RouteTable;
}

type Signed = AdminRequest['body'] & { readonly by: string; readonly reason: string };

/** Writes that the other side has to be told of: operations of contracts/admin-api.yaml by their ids. */
export function writesOperations({ migration }: WritesDeskOptions): Record<string, OperationHandler> {
  const { outbox } = migration.writes;
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
    ...Object.fromEntries(
      ['listBackfills', 'getBackfill', 'stopBackfill', 'startBackfill', 'reconcile', 'drift'].map((id) => [
        id,
        () => {
          throw new FicusError('not-implemented', 'later');
        },
      ]),
    ),
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
