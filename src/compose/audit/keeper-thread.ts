import { parentPort, workerData } from 'node:worker_threads';
import { linkReady } from '../../audit/chain.ts';
import { createKeeper } from '../../audit/keeper.ts';
import type { Forgotten } from '../../audit/keeper.ts';
import { openAuditStore } from '../../store/sqlite-audit.ts';
import type { AuditFileOptions } from '../../store/sqlite-audit.ts';
import { takeOver } from './handed-over.ts';
import type { HandedOver } from './handed-over.ts';

/** Entry of the thread that writes the trail: hashing, indexes and waiting for the disk hold up no request. */
export interface KeeperData {
  readonly file: string;
  readonly durability: AuditFileOptions['durability'];
}

export type ToKeeper =
  | { readonly add: HandedOver; readonly now: number }
  | { readonly forgetBefore: number; readonly now: number }
  | 'close';

/** Answers, in the order of what was asked. */
export type FromKeeper = { readonly done: Forgotten } | { readonly failed: string };

const port = parentPort!;
const { file, durability } = workerData as KeeperData;
/** Where nobody else moves the log into the file: 160 MiB. */
const AT_LAST = 40_000;
const store = openAuditStore(file, { durability, checkpointPages: AT_LAST });
const keeper = createKeeper(store);

async function follow(message: Exclude<ToKeeper, 'close'>): Promise<Forgotten> {
  if ('forgetBefore' in message) return keeper.forget(message.forgetBefore, message.now);
  store.append((head) => linkReady(head, takeOver(message.add), message.now));
  return { count: 0, more: false };
}

port.on('message', (message: ToKeeper) => {
  if (message === 'close') {
    void keeper.close();
    port.close();
    return;
  }
  follow(message).then(
    (done) => port.postMessage({ done } satisfies FromKeeper),
    (error: Error) => port.postMessage({ failed: error.message } satisfies FromKeeper),
  );
});
