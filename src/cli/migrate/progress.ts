import { setTimeout as pause } from 'node:timers/promises';

const ASK_MS = 500;
/** Where lines cannot be written over, one in so long is enough. */
const SAY_MS = 5_000;

/**
 * Asks how far something is until it does not run any more, and says it: on a terminal in one line, elsewhere now and
 * then.
 *
 * @param line how far it is, in a line
 */
export async function follow<T extends { readonly state: string }>(
  first: T,
  ask: () => Promise<T>,
  line: (now: T) => string,
): Promise<T> {
  let now = first;
  let said = performance.now();
  while (now.state === 'running') {
    await pause(ASK_MS);
    now = await ask();
    if (now.state !== 'running') break;
    if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${line(now)}`);
    else if (performance.now() - said >= SAY_MS) {
      said = performance.now();
      console.log(line(now));
    }
  }
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K');
  return now;
}
