import { limitsConfig } from '../config/limits-schema.ts';
import type { Config } from '../config/schema.ts';
import { createLimiter } from '../security/limits.ts';
import type { Limiter } from '../security-ports.ts';

/** What keeps one caller from taking what others need. Where security is open it has to be asked for. */
export function limiterOf({ limits, security }: Pick<Config, 'limits' | 'security'>): Limiter | undefined {
  const settings = limits ?? (security === 'open' ? 'off' : limitsConfig.parse({}));
  return settings === 'off' ? undefined : createLimiter(settings);
}
