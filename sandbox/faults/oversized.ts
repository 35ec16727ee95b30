import { once } from 'node:events';
import type { Writable } from 'node:stream';

const BLOCK = 'x'.repeat(65_536);

/** Writes `head` and then filler up to `bytes`, with backpressure; stops when the other side goes away. */
export async function writeOversized(sink: Writable, head: string, bytes: number): Promise<void> {
  const gone = new AbortController();
  sink.once('close', () => gone.abort());
  sink.write(head);
  for (let sent = 0; sent < bytes && !sink.destroyed; sent += BLOCK.length) {
    if (sink.write(BLOCK)) continue;
    await once(sink, 'drain', { signal: gone.signal }).catch(() => sink.destroy());
  }
}
