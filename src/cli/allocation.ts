import { setFlagsFromString } from 'node:v8';

/** Node 20, 22 and 24. Of a flag that a later V8 no longer knows it would complain on stderr. */
const KNOWN_TO = /^1[1-3]\./;

/** The flags that make every object young, of a version of V8. */
export function youngObjectFlags(v8: string): readonly string[] {
  return KNOWN_TO.test(v8) ? ['--no-allocation-site-pretenuring'] : [];
}

/**
 * Tells V8 to make every object young. Otherwise, once it has seen that objects made at one place in the code tend to
 * survive (with many requests in flight they do), it makes those in the old space at once; and whatever an old object
 * names is kept until the next full collection, dead or not. So each message that was exchanged was copied, promoted
 * and marked. Without that a Patient read through MLLP costs 145 us of CPU instead of 212, and a scavenge takes 3 ms
 * instead of 12 (bench/facade.bench.ts, 64 clients).
 *
 * To be called first: code that is optimised already stays as it is. Only speed depends on it.
 */
export function keepObjectsYoung(): void {
  for (const flag of youngObjectFlags(process.versions.v8)) setFlagsFromString(flag);
}
