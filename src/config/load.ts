import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { Config } from './schema.ts';
import { configSchema } from './schema.ts';

/** One thing wrong in a configuration file. */
export interface ConfigProblem {
  /** `backends.core.port`; empty for the file as a whole. */
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

/** Thrown with every problem at once. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map((problem) => {
      const place = `${file}${problem.line === undefined ? '' : `:${problem.line}`}`;
      return `  ${place}  ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`;
    });
    super(
      `The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${lines.join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface LoadedConfig {
  readonly config: Config;
  /** Folder that relative paths of the file are under. */
  readonly baseDir: string;
}

/** Reads and checks a configuration file. @throws ConfigError */
export function loadConfig(file: string): LoadedConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new ConfigError(file, [{ path: '', message: 'cannot be read' }]);
  }
  return { config: parseConfig(text, file), baseDir: dirname(resolve(file)) };
}

/** Checks the text of a configuration; `file` is for messages. @throws ConfigError */
export function parseConfig(text: string, file = 'ficus.yaml'): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => ({
        path: '',
        line: lines.linePos(error.pos[0]).line,
        message: error.message.split('\n')[0] ?? 'is not YAML',
      })),
    );
  }
  const result = configSchema.safeParse(document.toJS({ maxAliasCount: 100 }));
  const problems: ConfigProblem[] = result.success ? crossCheck(result.data) : [];
  if (!result.success) {
    for (const issue of result.error.issues) {
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys)
          problems.push({
            path: [...issue.path, key].join('.'),
            message: 'is not a key of the configuration',
          });
      } else problems.push({ path: issue.path.join('.'), message: issue.message });
    }
  }
  if (problems.length === 0 && result.success) return result.data;
  throw new ConfigError(
    file,
    problems.map((problem) => {
      const line = lineOf(problem.path.split('.'));
      return line === undefined ? problem : { ...problem, line };
    }),
  );

  function lineOf(path: readonly string[]): number | undefined {
    // A missing key has no place of its own: its nearest parent that is there has.
    for (let length = path.length; length > 0; length--) {
      const keys = path.slice(0, length).map((key) => (/^\d+$/.test(key) ? Number(key) : key));
      const node = document.getIn(keys, true);
      const range = (node as { range?: readonly number[] } | undefined)?.range;
      if (range?.[0] !== undefined) return lines.linePos(range[0]).line;
    }
    return undefined;
  }
}

/** What the schema cannot say: names that must exist, pairs that must agree. */
function crossCheck(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const say = (path: string, message: string) => problems.push({ path, message });
  const seen = new Set<string>();
  for (const [index, route] of config.routes.entries()) {
    const path = `routes.${index}`;
    if (seen.has(route.endpoint)) say(`${path}.endpoint`, `${route.endpoint} is routed twice`);
    seen.add(route.endpoint);
    for (const side of ['legacy', 'modern'] as const) {
      const backendName = route[side];
      if (backendName === undefined) {
        if (route.stage === side) say(path, `stage ${side} needs a ${side} backend`);
        continue;
      }
      const backend = config.backends[backendName];
      if (!backend) say(`${path}.${side}`, `there is no backend "${backendName}"`);
      else if ((backend.kind === 'modern') !== (side === 'modern'))
        say(`${path}.${side}`, `backend "${backendName}" is of kind ${backend.kind}`);
    }
  }
  for (const [name, backend] of Object.entries(config.backends)) {
    if (backend.kind === 'modern') continue;
    if (backend.timeZone !== undefined && !isZone(backend.timeZone))
      say(`backends.${name}.timeZone`, `"${backend.timeZone}" is not an IANA time zone`);
  }
  if (!isZone(config.timeZone)) say('timeZone', `"${config.timeZone}" is not an IANA time zone`);
  duplicates(config.identity.authorities.map((one) => one.name)).forEach((name) =>
    say('identity.authorities', `"${name}" is named twice`),
  );
  duplicates(config.identity.authorities.flatMap((one) => one.namespaces)).forEach((name) =>
    say('identity.authorities', `the namespace "${name}" belongs to two authorities`),
  );
  duplicates(config.identity.authorities.map((one) => one.system)).forEach((system) =>
    say('identity.authorities', `the system "${system}" belongs to two authorities`),
  );
  duplicates(config.identity.keys.map((key) => key.id)).forEach((id) =>
    say('identity.keys', `key "${id}" is there twice`),
  );
  duplicates(config.pageKeys.map((key) => key.id)).forEach((id) =>
    say('pageKeys', `key "${id}" is there twice`),
  );
  for (const [index, one] of config.passthrough.entries()) {
    if (one.prefix === '/fhir' || one.prefix.startsWith('/fhir/'))
      say(`passthrough.${index}.prefix`, 'FHIR paths are routed, not passed through');
  }
  if (config.search.defaultCount > config.search.maxCount)
    say('search.defaultCount', 'is more than maxCount');
  return problems;
}

function duplicates(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}
