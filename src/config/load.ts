import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { crossCheck } from './cross-check.ts';
import type { ConfigProblem } from './cross-check.ts';
import type { Config } from './schema.ts';
import { configSchema } from './schema.ts';

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
  /** Where it was written; absent: nowhere. */
  readonly source?: ConfigSource;
}

/** A configuration file, as its messages name it, and what is in it. */
interface ConfigSource {
  readonly file: string;
  readonly text: string;
}

/** Reads and checks a configuration file. @throws ConfigError */
export function loadConfig(file: string): LoadedConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new ConfigError(file, [{ path: '', message: 'cannot be read' }]);
  }
  return { ...parse(text, file), baseDir: dirname(resolve(file)) };
}

/** Checks the text of a configuration; `file` is for messages. @throws ConfigError */
export function parseConfig(text: string, file = 'ficus.yaml'): Config {
  return parse(text, file).config;
}

/**
 * What was found wrong with a configuration after it was read, with the place in its file: a line of the message that
 * begins with the path of a key (`backends.core: …`) is led by the file and its line, as those of a {@link ConfigError}
 * are.
 */
export function inItsPlace(error: unknown, { source }: LoadedConfig): unknown {
  if (!(error instanceof Error) || error instanceof ConfigError || !source) return error;
  const lineOf = linesOf(readYaml(source.text));
  const lines = error.message.split('\n').map((line) => {
    const path = /^ *([a-zA-Z]\w*(?:\.[^\s:]+)*): /.exec(line)?.[1];
    const at = path === undefined ? undefined : lineOf(path);
    return at === undefined ? line : `  ${source.file}:${at}  ${line.trimStart()}`;
  });
  const message = lines.join('\n');
  return message === error.message ? error : new Error(message, { cause: error });
}

function parse(text: string, file: string): Required<Pick<LoadedConfig, 'config' | 'source'>> {
  const yaml = readYaml(text);
  const { document, lines } = yaml;
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
  const written = toJs(yaml, file);
  const result = configSchema.safeParse(written);
  const problems: ConfigProblem[] = [];
  if (!result.success) {
    for (const issue of result.error.issues.flatMap((one) => meant(one))) {
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys)
          problems.push({
            path: [...issue.path, key].join('.'),
            message: 'is not a key of the configuration',
          });
      } else problems.push({ path: issue.path.join('.'), message: issue.message });
    }
  }
  problems.push(...crossCheck(written));
  if (problems.length === 0 && result.success) return { config: result.data, source: { file, text } };
  const lineOf = linesOf(yaml);
  throw new ConfigError(
    file,
    problems.map((problem) => {
      const line = lineOf(problem.path);
      return line === undefined ? problem : { ...problem, line };
    }),
  );
}

interface Yaml {
  readonly document: ReturnType<typeof parseDocument>;
  readonly lines: LineCounter;
}

function readYaml(text: string): Yaml {
  const lines = new LineCounter();
  return { document: parseDocument(text, { lineCounter: lines, uniqueKeys: true }), lines };
}

/** @throws ConfigError for aliases of nothing, and for too many of them */
function toJs({ document }: Yaml, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError(file, [
      { path: '', message: error instanceof Error ? error.message : 'is not YAML' },
    ]);
  }
}

/**
 * Gives the line (from 1) of a key, e.g. of `backends.core.port`, or of its nearest parent that is there; undefined:
 * none is.
 */
function linesOf({ document, lines }: Yaml): (path: string) => number | undefined {
  return (dotted) => {
    const path = dotted.split('.');
    // A missing key has no place of its own: its nearest parent that is there has.
    for (let length = path.length; length > 0; length--) {
      const keys = path.slice(0, length).map((key) => (/^\d+$/.test(key) ? Number(key) : key));
      const node = document.hasIn(keys) ? document.getIn(keys, true) : undefined;
      const range = (node as { range?: readonly number[] } | undefined)?.range;
      if (range?.[0] !== undefined) return lines.linePos(range[0]).line;
    }
    return undefined;
  };
}

type Problem = z.core.$ZodIssue;

/**
 * What is wrong with the form that was meant where a key takes several: the one that was entered. Else that it fits
 * none.
 */
function meant(issue: Problem): Problem[] {
  if (issue.code !== 'invalid_union') return [issue];
  const entered = issue.errors.find(
    (form) => !form.some((one) => one.path.length === 0 && isOfOtherKind(one)),
  );
  if (!entered) return [issue];
  return entered.flatMap((one) => meant({ ...one, path: [...issue.path, ...one.path] }));
}

function isOfOtherKind({ code }: Problem): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}
