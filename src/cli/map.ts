import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { charsetNamed } from '../../adapters/hl7v2/charset.ts';
import type { CharsetChoice } from '../../adapters/hl7v2/charset.ts';
import { loadConfig } from '../config/load.ts';
import { loadMappings } from '../config/mappings.ts';
import { describeRow, explain } from '../mapping/explain.ts';
import { mappingSchemas } from '../mapping/json-schema.ts';
import { brokenLaws, describeCounterExample } from '../mapping/laws/broken.ts';
import type { MappingSet } from '../mapping/mapping-set.ts';
import type { Loss, RunContext } from '../mapping/run.ts';
import { makeFolder } from '../store/folder.ts';
import { coverageOf, describeCoverage, describeTables, tableFigures } from './map-coverage.ts';
import { runFile, type MessageReport } from './map-run.ts';

interface SetOptions {
  readonly dir: string;
  readonly site?: string;
}

interface RunOptions extends SetOptions, CharsetChoice {
  readonly config?: string;
  readonly zone: string;
  readonly json?: true;
  readonly quiet?: true;
}

/** The mapping files that come with Ficus. */
export const MAPPINGS = fileURLToPath(new URL('../../mappings', import.meta.url));

/** `ficus map check | explain | run | schema`. */
export function registerMap(program: Command): void {
  const map = program.command('map').description('check, explain and try the mappings');
  const command = (name: string, description: string): Command =>
    map
      .command(name)
      .description(description)
      .option('--dir <folder>', 'mapping files', MAPPINGS)
      .option('--site <name>', 'overlay under sites/');
  const reading = (name: string, description: string): Command =>
    command(name, description)
      .option('-c, --config <file>', 'take authorities and time zone from a configuration')
      .option('--zone <name>', 'time zone of timestamps without offset', 'UTC')
      .option('--charset <name>', 'read every message by this character set, whatever its MSH-18 says')
      .option(
        '--default-charset <name>',
        'read messages without MSH-18 by this character set',
        'UNICODE UTF-8',
      );

  command('check', 'compile every file and measure the laws on generated data')
    .option('--runs <count>', 'trees to try for each map and law', '200')
    .option('--seed <number>', 'start of the generated data', '1')
    .action((options: SetOptions & { runs: string; seed: string }) =>
      checkMappings(options, Number(options.runs), Number(options.seed)),
    );

  command(
    'explain <place>',
    'show the rows that speak of a field or an element, and where they come from',
  ).action((place: string, options: SetOptions) => explainPlace(open(options), place));

  reading('run <files...>', 'read messages into resources, and report what had no home')
    .option('--json', 'print one JSON document')
    .option('--quiet', 'print the counts only')
    .action((files: string[], options: RunOptions) => runFiles(files, options));

  reading('coverage <paths...>', 'count what becomes of each field of the messages in files and folders')
    .option('--tables <folder>', "measure against the tables of HL7's v2-to-FHIR guide in this folder too")
    .option('--json', 'print one JSON document')
    .option('--quiet', 'print one line a segment only')
    .action((paths: string[], options: RunOptions & { tables?: string }) => showCoverage(paths, options));

  map
    .command('schema')
    .description('write the JSON Schemas of the mapping files')
    .argument('[folder]', 'where to', 'mappings')
    .action((folder: string) => {
      makeFolder(resolve(folder));
      for (const [name, text] of mappingSchemas()) writeFileSync(join(folder, name), text);
    });
}

function open({ dir, site }: SetOptions): MappingSet {
  return loadMappings(dir, site === undefined ? {} : { site });
}

function checkMappings(options: SetOptions, runs: number, seed: number): void {
  const set = open(options);
  const today = new Date().toISOString().slice(0, 10);
  const broken = brokenLaws(set, { runs, seed, today });
  for (const example of broken) console.log(describeCounterExample(example));
  const { maps, codes, messages, interactions } = set;
  console.log(
    `${maps.size} maps, ${codes.size} code maps, ${messages.size} messages, ${interactions.size} interactions; version ${set.version}`,
  );
  console.log(
    broken.length === 0 ? `Every law holds on ${runs} trees a map.` : `${broken.length} laws are broken.`,
  );
  if (broken.length > 0) process.exitCode = 1;
}

function explainPlace(set: MappingSet, place: string): void {
  const found = explain(set, place);
  if (found.length === 0) throw new Error(`No row speaks of ${place}.`);
  for (const { map, row } of found) {
    const { file, line, overlay } = row.origin;
    console.log(
      `${map}\n  ${describeRow(row)}\n  ${file}:${line}${overlay === undefined ? '' : ` (overlay by ${overlay})`}`,
    );
  }
}

function runFiles(files: readonly string[], options: RunOptions): void {
  const set = open(options);
  const context = contextOf(options);
  const charset = charsetOf(options);
  const reports = files.flatMap((file) => runFile(set, file, context, charset));
  if (options.json) console.log(JSON.stringify(reports.map(asJson), undefined, 2));
  else {
    if (!options.quiet) for (const report of reports) console.log(describeReport(report));
    console.log(describeCounts(reports));
  }
  if (reports.some((report) => report.error !== undefined)) process.exitCode = 1;
}

/** What of a report is for others to read. */
function asJson({ resources, fields: _counted, ...report }: MessageReport): unknown {
  return {
    ...report,
    ...(resources && { resources: resources.map(({ from, resource, loss }) => ({ from, resource, loss })) }),
  };
}

function showCoverage(paths: readonly string[], options: RunOptions & { tables?: string }): void {
  const set = open(options);
  const report = coverageOf(set, paths, contextOf(options), charsetOf(options));
  const tables = options.tables === undefined ? undefined : tableFigures(set, options.tables);
  if (options.json) console.log(JSON.stringify({ ...report, ...(tables && { tables }) }, undefined, 2));
  else {
    console.log(describeCoverage(report, !options.quiet));
    if (tables) console.log(`\n${describeTables(tables)}`);
  }
  if (report.failed.length === report.messages) process.exitCode = 1;
}

/** @throws Error for a name that is not known: every message would fail by it */
function charsetOf({ charset, defaultCharset }: CharsetChoice): CharsetChoice {
  for (const name of [charset, defaultCharset])
    if (name !== undefined && !charsetNamed(name))
      throw new Error(`${name} is none of the character sets of HL7 table 0211 that can be read.`);
  return {
    ...(charset === undefined ? {} : { charset }),
    ...(defaultCharset === undefined ? {} : { defaultCharset }),
  };
}

/** Authorities and time zone of a configuration, or none and the zone that was said. */
export function contextOf({ config, zone }: Pick<RunOptions, 'config' | 'zone'>): RunContext {
  if (config === undefined) return { authorities: [], timeZone: zone };
  const { identity, timeZone } = loadConfig(config).config;
  return { authorities: identity.authorities, timeZone };
}

function describeReport({ file, message, type, error, resources = [], loss = [] }: MessageReport): string {
  const head = `== ${file} #${message} ${type}`;
  if (error !== undefined) return `${head}\n  not read: ${error}`;
  const read = resources.flatMap(({ from, resource, loss: own }) => [
    `-- ${from}`,
    resource === undefined ? 'nothing' : JSON.stringify(resource, undefined, 2),
    ...own.map(describeLoss),
  ]);
  return [head, ...read, ...loss.map(describeLoss)].join('\n');
}

function describeLoss({ kind, path, why }: Loss): string {
  return `  ${kind} ${path}${why === undefined ? '' : `: ${why}`}`;
}

function describeCounts(reports: readonly MessageReport[]): string {
  const resources = reports.flatMap((report) => report.resources ?? []);
  const types = Map.groupBy(
    resources.flatMap(({ resource }) => (resource ? [resource.resourceType] : [])),
    (type) => type,
  );
  const losses = Map.groupBy(
    [...resources.flatMap((it) => it.loss), ...reports.flatMap((report) => report.loss ?? [])],
    ({ kind }) => kind,
  );
  const failed = reports.filter((report) => report.error !== undefined).length;
  const list = (groups: ReadonlyMap<string, readonly unknown[]>): string =>
    [...groups].map(([name, items]) => `${items.length} ${name}`).join(', ') || 'nothing';
  return `${reports.length} messages (${failed} not read): ${list(types)}\nwithout a home: ${list(losses)}`;
}
