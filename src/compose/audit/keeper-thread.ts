import { parentPort, workerData } from 'node:worker_threads';
import type { NewFact } from '../../audit/facts.ts';
import { createKeeper } from '../../audit/keeper.ts';
import type { Forgotten } from '../../audit/keeper.ts';
import { openAuditStore } from '../../store/sqlite-audit.ts';
import type { AuditFileOptions } from '../../store/sqlite-audit.ts';

/** Entry of the thread that writes the trail: hashing, indexes and waiting for the disk hold up no request. */
export interface KeeperData {
  readonly file: string;
  readonly durability: AuditFileOptions['durability'];
}

export type ToKeeper =
  /** Facts as JSON text: cheaper to hand over than objects. */
  | { readonly add: string; readonly now: number }
  | { readonly forgetBefore: number; readonly now: number }
  | 'close';

/** Answers, in the order of what was asked. */
export type FromKeeper = { readonly done: Forgotten } | { readonly failed: string };

const port = parentPort!;
const { file, durability } = workerData as KeeperData;
/** Where nobody else moves the log into the file: 160 MiB. */
const AT_LAST = 40_000;
const keeper = createKeeper(openAuditStore(file, { durability, checkpointPages: AT_LAST }));

async function follow(message: Exclude<ToKeeper, 'close'>): Promise<Forgotten> {
  if ('forgetBefore' in message) return keeper.forget(message.forgetBefore, message.now);
  await keeper.add(JSON.parse(message.add) as NewFact[], message.now);
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
