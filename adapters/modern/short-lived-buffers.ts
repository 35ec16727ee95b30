import { setFlagsFromString } from 'node:v8';

/** V8 13 came with Node 24; its successors count what buffers hold another way. */
const AFFECTED = /^13\./;

/**
 * The flags that let the cheap collections begin earlier, and the full ones only at the limit that the heap has as a
 * whole, of a version of V8; any other would complain on stderr.
 */
export function cheapCollectionFlags(v8: string): readonly string[] {
  return AFFECTED.test(v8)
    ? ['--scavenger-max-new-space-capacity-mb=8', '--external-memory-accounted-in-global-limit']
    : [];
}

/**
 * Lets V8 reclaim the chunks of streamed bodies by its cheap collections. Since Node 24 these begin only when 128 MB of
 * chunks have gathered, and a full collection, which goes through the whole program, begins at 64 MB: so every chunk
 * waits for a full one, and those took a third of the CPU of a proxied read of 200 kB (nodejs/node#61967). The value is
 * that of Node 22: 32 MB. With the second flag chunks that wait for a cheap collection begin no full one by themselves:
 * after each full one they did. It holds for the process; the size of the heap stays as it is.
 */
export function reclaimShortLivedBuffers(): void {
  for (const flag of cheapCollectionFlags(process.versions.v8)) setFlagsFromString(flag);
}
