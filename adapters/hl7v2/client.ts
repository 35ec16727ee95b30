import { ConnectionPool } from './pool.ts';
import type { MllpPool, MllpPoolOptions } from './pool-options.ts';

export type { ExchangeOptions, MllpPool, MllpPoolOptions } from './pool-options.ts';

/**
 * A bounded pool of connections to one core: one message in flight on each, the others wait in order. Connects when
 * first needed.
 */
export function createMllpPool(options: MllpPoolOptions): MllpPool {
  return new ConnectionPool(options);
}
