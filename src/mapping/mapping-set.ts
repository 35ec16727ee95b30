import { createHash } from 'node:crypto';
import { checkInteraction } from './check-interaction.ts';
import { compileCodeMap, type CodeMap } from './code-map.ts';
import { mergeDefinitions, type Definitions } from './definitions.ts';
import type { ErrorsFile, InteractionFile } from './exchange-schema.ts';
import { compileMessage, type CompiledMessage } from './compiled-message.ts';
import { compileMap } from './map-compiler.ts';
import { parseMapName, type CompiledMap, type MapSource, type SourceRow } from './compiled-map.ts';
import { collectParts, type Parts } from './parts.ts';
import { MappingProblems, type MappingProblem } from './problem.ts';
import { gapsOf } from './laws/total.ts';
import { describePath, parseSource, type MappingFile } from './source-file.ts';

/** A compiled, consistent set of mappings. Immutable: a reload makes another one. */
export interface MappingSet {
  /** Hash of the content of all its files. */
  readonly version: string;
  readonly maps: ReadonlyMap<string, CompiledMap>;
  readonly codes: ReadonlyMap<string, CodeMap>;
  readonly definitions: Definitions;
  /** By structure: `ADT_A01`. */
  readonly messages: ReadonlyMap<string, CompiledMessage>;
  /** By adapter and endpoint: `hl7v2 Patient.search`. */
  readonly interactions: ReadonlyMap<string, InteractionFile>;
  /** Error tables by name: `HL7 v2`, `SOAP`. */
  readonly errors: ReadonlyMap<string, ErrorsFile>;
  /** One map over the rows of several (`PID <-> Patient`, `PD1 <-> Patient`): they feed one resource. */
  readonly combined: (names: readonly string[]) => CompiledMap;
}

/**
 * Compiles mapping files.
 *
 * @param files every file of the set: base, vendor and site, in that order; overlays change what came before.
 * @throws MappingProblems naming every problem of every file, with its line.
 */
export function compileMappings(files: readonly MappingFile[]): MappingSet {
  const problems: MappingProblem[] = [];
  const parsed = files.map((file) => parseSource(file, problems)).filter((source) => source !== undefined);
  const parts = collectParts(parsed, problems);
  if (problems.length > 0) throw new MappingProblems(problems);
  const set = link(parts, problems, hashOf(files));
  if (problems.length > 0) throw new MappingProblems(problems);
  return set;
}

function link(parts: Parts, problems: MappingProblem[], version: string): MappingSet {
  const definitions = mergeDefinitions(parts.definitions);
  const codes = new Map<string, CodeMap>();
  for (const [name, { file, source }] of parts.codes) {
    const problem = (row: number, message: string) =>
      problems.push({ file: source.path, line: source.lineOf(['rows', row]), path: `rows[${row}]`, message });
    codes.set(name, compileCodeMap(file, problem));
  }
  const maps = new Map<string, CompiledMap>();
  const compiling = new Set<string>();
  const environment = {
    definitions,
    codes: (name: string) => codes.get(name),
    map: (name: string) => maps.get(name) ?? compileOnce(name),
    problem: ({ origin, path }: Pick<SourceRow, 'origin' | 'path'>, message: string) =>
      problems.push({ file: origin.file, line: origin.line, path, message }),
  };
  const compileOnce = (name: string): CompiledMap | undefined => {
    const source = parts.maps.get(name);
    if (!source || compiling.has(name)) return undefined;
    compiling.add(name);
    const map = compileMap(source, environment);
    compiling.delete(name);
    maps.set(name, map);
    return map;
  };
  for (const name of parts.maps.keys()) environment.map(name);
  const joined = new Map<string, CompiledMap>();
  const combined = (names: readonly string[]): CompiledMap => {
    const key = names.join(' + ');
    const known = names.length === 1 ? maps.get(key) : joined.get(key);
    if (known) return known;
    const map = compileMap(combine(names, parts.maps), environment);
    joined.set(key, map);
    return map;
  };
  const known = (names: readonly string[]): CompiledMap | undefined =>
    names.every((name) => parts.maps.has(name)) ? combined(names) : undefined;
  const messages = new Map<string, CompiledMessage>();
  for (const [name, { file, source }] of parts.messages) {
    const problem = (path: readonly PropertyKey[], message: string) =>
      problems.push({ file: source.path, line: source.lineOf(path), path: describePath(path), message });
    messages.set(name, compileMessage(file, { definitions, combined: known, problem }));
  }
  for (const { file, source } of parts.interactions.values()) {
    const names = {
      map: (name: string) => maps.has(name),
      codes: (name: string) => codes.has(name),
      message: (name: string) => messages.has(name),
    };
    checkInteraction(file, names, (path, message) =>
      problems.push({ file: source.path, line: source.lineOf(path), path: describePath(path), message }),
    );
  }
  checkTotal(maps.values(), definitions, problems);
  return {
    version,
    maps,
    codes,
    definitions,
    combined,
    messages,
    interactions: new Map([...parts.interactions].map(([name, { file }]) => [name, file])),
    errors: parts.errors,
  };
}

/** Law 3: a map with a gap does not load. */
function checkTotal(maps: Iterable<CompiledMap>, definitions: Definitions, problems: MappingProblem[]): void {
  for (const map of maps) {
    for (const { path, name } of gapsOf(map, definitions)) {
      const message = `${path} (${name}) is neither mapped nor kept nor dropped`;
      problems.push({ file: map.origin.file, line: map.origin.line, path: '', message });
    }
  }
}

function combine(names: readonly string[], sources: ReadonlyMap<string, MapSource>): MapSource {
  const chosen = names.map((name) => {
    const source = sources.get(name);
    if (!source) throw new Error(`there is no map ${name}`);
    return source;
  });
  const first = chosen[0]!;
  const segmentsOf = (source: MapSource) => source.segments ?? [parseMapName(source.name).legacy];
  const whole = new Set(chosen.filter((source) => !source.part).flatMap(segmentsOf));
  return {
    ...first,
    part: chosen.every((source) => source.part),
    partly: chosen.flatMap(segmentsOf).filter((segment) => !whole.has(segment)),
    segments: chosen.flatMap(segmentsOf),
    updates: chosen.flatMap((source) => source.updates),
    rows: chosen.flatMap((source) => source.rows),
  };
}

function hashOf(files: readonly MappingFile[]): string {
  const hash = createHash('sha256');
  for (const { path, text } of files) hash.update(`${path}\0${text}\0`);
  return hash.digest('base64url').slice(0, 16);
}
