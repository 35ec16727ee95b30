import { parentPort } from 'node:worker_threads';

// The committer's thread, which can be told to hang: its event loop does not turn any more. Told before the committer
// hears it, whom it would confuse.
parentPort!.on('message', (message: { readonly kind: string }) => {
  if (message.kind === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
await import('../../../src/store/inbox-committer-thread.ts');
