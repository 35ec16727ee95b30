import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** MiB of live objects. */
export function heldMiB(): number {
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
