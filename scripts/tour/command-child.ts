/** Runs commands of `ficus`, one after the other: a message is what stands after its name. A process that is there already answers at once. */
import { main } from '../../src/main.ts';
import { endOf } from './command-end.ts';

// Ctrl-C reaches the whole terminal; the tour ends this process.
process.on('SIGINT', () => {});
process.on('message', (words: readonly string[]) => {
  process.exitCode = 0;
  void main([process.execPath, 'ficus', ...words]).then(() => {
    const end = endOf(process.exitCode);
    process.exitCode = 0;
    // After all that it has printed, on both.
    process.stdout.write(end);
    process.stderr.write(end);
  });
});
