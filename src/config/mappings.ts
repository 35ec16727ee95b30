import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compileMappings, type MappingSet } from '../mapping/mapping-set.ts';
import type { MappingFile } from '../mapping/source-file.ts';

export interface MappingOptions {
  /** Overlay under `sites/`, applied last. */
  readonly site?: string;
  /** Further folders of mapping files or overlays, applied in order, before the site's. */
  readonly overlays?: readonly string[];
}

/**
 * Reads the mapping files of a folder: everything but `sites/`, then the further folders, then the chosen site.
 * @throws Error when the site has no folder.
 */
export function readMappingFiles(dir: string, options: MappingOptions = {}): MappingFile[] {
  const own = yamlFiles(dir).filter((path) => !relative(dir, path).startsWith('sites'));
  const site = options.site === undefined ? [] : yamlFiles(join(dir, 'sites', options.site));
  if (options.site !== undefined && site.length === 0)
    throw new Error(`mappings.site: there are no mappings of site ${options.site} in ${join(dir, 'sites')}`);
  const paths = [...own, ...(options.overlays ?? []).flatMap(yamlFiles), ...site];
  return paths.map((path) => ({ path: relative(process.cwd(), path), text: readFileSync(path, 'utf8') }));
}

/**
 * Reads and compiles the mappings of a folder.
 * @throws MappingProblems with every problem of every file; Error when a site or folder is not there.
 */
export function loadMappings(dir: string, options: MappingOptions = {}): MappingSet {
  return compileMappings(readMappingFiles(dir, options));
}

function yamlFiles(dir: string): string[] {
  return globSync('**/*.{yaml,yml}', { cwd: dir })
    .map((path) => join(dir, path))
    .toSorted();
}
