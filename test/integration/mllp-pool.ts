import { onTestFinished } from 'vitest';
import { createMllpPool } from '../../adapters/hl7v2/client.ts';
import type { ExchangeOptions, MllpPool, MllpPoolOptions } from '../../adapters/hl7v2/client.ts';
import { systemClock } from '../../src/clock.ts';
import { messageText, startCore } from './mllp-core.ts';
import type { Core, Received } from './mllp-core.ts';

/** A pool and the core it talks to, both gone when the test is done. */
export async function poolAndCore(
  onMessage: (message: Received) => void,
  options: Partial<MllpPoolOptions> = {},
): Promise<{ pool: MllpPool; core: Core }> {
  const core = await startCore(onMessage);
  const pool = makePool(core.port, options);
  onTestFinished(() => core.close());
  return { pool, core };
}

export function makePool(port: number, options: Partial<MllpPoolOptions> = {}): MllpPool {
  const pool = createMllpPool({ host: '127.0.0.1', port, clock: systemClock, timeoutMs: 10_000, ...options });
  onTestFinished(() => pool.close());
  return pool;
}

/** Sends a message with this control id. */
export function send(pool: MllpPool, controlId: string, options: Partial<ExchangeOptions> = {}, rest = '') {
  return pool.exchange(Buffer.from(messageText(controlId, rest)), { expects: 'query', ...options });
}

/** Milliseconds from now, as a deadline. */
export function inMs(ms: number): number {
  return systemClock.now() + ms;
}

/** How an exchange ended: `AA` and so on, or the error's code. */
export async function outcome(exchange: ReturnType<MllpPool['exchange']>): Promise<string> {
  try {
    return String((await exchange).value('MSA', 1));
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
