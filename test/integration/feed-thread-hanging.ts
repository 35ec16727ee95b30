import { parentPort } from 'node:worker_threads';
import '../../src/compose/feed/intake-thread.ts';

// The thread that takes messages, which can be told to hang: its event loop does not turn any more.
parentPort!.on('message', (message: { readonly kind: string }) => {
  if (message.kind === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
