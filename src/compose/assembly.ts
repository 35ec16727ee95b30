import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { LoadedConfig } from '../config/load.ts';
import { readMappingFiles } from '../config/mappings.ts';
import type { Config } from '../config/schema.ts';
import type { Contract } from '../contract/contract.ts';
import { loadContract } from '../contract/load.ts';
import { createAuthorities } from '../identity/authorities.ts';
import type { Authorities } from '../identity/authorities.ts';
import { createSealer } from '../identity/seal.ts';
import type { Sealer } from '../identity/seal.ts';
import { compileMappings } from '../mapping/mapping-set.ts';
import type { MappingSet } from '../mapping/mapping-set.ts';
import type { MappingFile } from '../mapping/source-file.ts';
import type { Clock } from '../ports.ts';
import { compileMustSupport } from '../strangler/compare/must-support.ts';
import type { CompareOptions } from '../strangler/compare/options.ts';
import { compileSeverities } from '../strangler/compare/severity.ts';
import type { Severities } from '../strangler/compare/severity.ts';
import { createPageSealer } from '../search/page.ts';
import type { PageSealer } from '../search/page.ts';
import { createCertificates } from './certificates.ts';
import type { Certificates } from './certificates.ts';
import { readSecrets } from './keys.ts';
import { equivalencesOf } from './migration/code-equivalences.ts';
import type { Secrets } from './keys.ts';

/** Folder of the files that come with Ficus. */
export const HOME = fileURLToPath(new URL('../..', import.meta.url));

/** What a configuration names, read and checked; nothing is open yet. */
export interface Assembly {
  readonly config: Config;
  readonly baseDir: string;
  readonly secrets: Secrets;
  /** Of servers, interfaces and backends; not watched yet. */
  readonly certificates: Certificates;
  readonly contract: Contract;
  readonly mappings: MappingSet;
  /** What the mappings were compiled of, in order. */
  readonly mappingFiles: readonly MappingFile[];
  readonly authorities: Authorities;
  readonly sealer: Sealer;
  readonly pages: PageSealer;
  /** How bad which difference between two sides is. */
  readonly severities: Severities;
  /** Elements that must not be lost, by resource type. */
  readonly mustSupport: NonNullable<CompareOptions['mustSupport']>;
  /** Codes that say the same: those of the code maps, and the site's. */
  readonly codeMaps: NonNullable<CompareOptions['codeMaps']>;
}

/**
 * @throws Error with everything wrong with the secrets, the contract, the mappings, the severities or the must-support
 * elements
 */
export function assemble({ config, baseDir }: LoadedConfig, env: NodeJS.ProcessEnv, clock: Clock): Assembly {
  const secrets = readSecrets(config, env, baseDir);
  const own = (path: string | undefined, shipped: string) =>
    path ? resolve(baseDir, path) : resolve(HOME, shipped);
  const contractFile = own(config.contract, 'contracts/fhir-r4.yaml');
  const authorities = createAuthorities(config.identity.authorities);
  const mappingDir = own(config.mappings.dir, 'mappings');
  const mappingFiles = readMappingFiles(mappingDir, {
    overlays: config.mappings.overlays.map((folder) => resolve(baseDir, folder)),
    ...(config.mappings.site === undefined ? {} : { site: config.mappings.site }),
  });
  if (mappingFiles.length === 0) throw new Error(`mappings.dir: there are no mappings in ${mappingDir}`);
  const mappings = compileMappings(mappingFiles);
  return {
    config,
    baseDir,
    secrets,
    certificates: createCertificates({ baseDir, secret: secrets.text, clock }),
    contract: loadContract(contractText(contractFile), contractFile),
    mappings,
    mappingFiles,
    authorities,
    sealer: createSealer({ keys: secrets.identityKeys, authorities }),
    pages: createPageSealer({
      keys: secrets.pageKeys,
      clock,
      lifetimeMs: config.search.pageTokenMinutes * 60_000,
    }),
    severities: loadSeverities(resolve(HOME, 'contracts/severity.yaml'), config.migration.severity, baseDir),
    mustSupport: loadMustSupport(config.migration.compare.mustSupport, baseDir),
    codeMaps: equivalencesOf(mappings.codes, config.migration.compare.codes),
  };
}

function contractText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`contract: the file ${file} cannot be read`, { cause });
  }
}

/** @param whose `us-core`, `none`, or a file */
function loadMustSupport(whose: string, baseDir: string): Assembly['mustSupport'] {
  if (whose === 'none') return new Map();
  const file =
    whose === 'us-core' ? resolve(HOME, 'contracts/us-core-must-support.yaml') : resolve(baseDir, whose);
  try {
    return compileMustSupport(readYaml(file));
  } catch (error) {
    const words = error instanceof Error ? error.message : '';
    throw new Error(`migration.compare.mustSupport: ${file}: ${words}`, { cause: error });
  }
}

function loadSeverities(shipped: string, site: string | undefined, baseDir: string): Severities {
  const ours = readYaml(shipped);
  if (site === undefined) return compileSeverities(ours);
  const file = resolve(baseDir, site);
  try {
    return compileSeverities(ours, readYaml(file));
  } catch (error) {
    throw new Error(`migration.severity: ${file}: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    });
  }
}

function readYaml(file: string): unknown {
  return parse(readFileSync(file, 'utf8'));
}
