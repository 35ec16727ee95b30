import { parentPort } from 'node:worker_threads';
import '../../src/compose/feed/intake-thread.ts';

// The thread that takes messages, which can be told to hang: its event loop does not turn any more.
parentPort!.on('message', (message: { readonly kind: string }) => {
  while (message.kind === 'hang');
});
