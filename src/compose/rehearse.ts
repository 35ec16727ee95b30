import { systemClock } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import { createLogger } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { createMemoryStores } from '../store/stores.ts';
import { assemble } from './assembly.ts';
import { createFeedRecord } from './feed/record.ts';
import { interfaceProfile } from './interface-profile.ts';
import { refuseLawless } from './lawful.ts';
import { OPEN, securityOf } from './security-of.ts';
import { checkServerTls } from './servers.ts';
import { wire } from './wiring.ts';

/**
 * Puts everything together without listening or asking a backend.
 *
 * @returns what was found, in one sentence
 * @throws as compose
 */
export async function rehearse(loaded: LoadedConfig, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const clock = systemClock;
  const assembly = assemble(loaded, env, clock);
  refuseLawless(assembly.mappings, clock);
  checkServerTls(loaded.config, assembly.certificates);
  for (const [name, one] of Object.entries(loaded.config.feed?.interfaces ?? {}))
    interfaceProfile(name, one, assembly.certificates);
  const record = createFeedRecord(':memory:');
  const publicBase = loaded.config.publicBase ?? 'http://localhost/fhir/r4';
  const log = createLogger({ level: 'silent' });
  const metrics = createMetrics({ process: false });
  const stores = createMemoryStores();
  const wiring = await wire(assembly, { record, publicBase, stores, clock, log, metrics });
  await wiring.close();
  record.close();
  // Its keys and files are read; no issuer is asked.
  await securityOf(assembly, { publicBase, clock, log, metrics, parse: nobodySearches })?.close();
  const { security } = loaded.config;
  return [
    `${wiring.installed.size} backends, ${wiring.table.list().length} routes, mappings ${assembly.mappings.version}.`,
    ...(security === 'open' ? [`${OPEN}.`] : [issuersInWords(security.issuers.length)]),
  ].join(' ');
}

function nobodySearches(): never {
  throw new Error('Nobody searches while a configuration is checked');
}

const issuersInWords = (count: number): string => `${count} ${count === 1 ? 'issuer' : 'issuers'} of tokens.`;
