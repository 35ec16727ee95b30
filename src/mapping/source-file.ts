import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import type { MappingProblem } from './problem.ts';

/** A mapping file's text, with the name that problems show. */
export interface MappingFile {
  readonly path: string;
  readonly text: string;
}

/** A parsed mapping file that still knows its lines. */
export interface SourceFile {
  readonly path: string;
  readonly value: unknown;
  /** The line (1-based) of the node at a path, or of the nearest one above it. */
  readonly lineOf: (path: readonly PropertyKey[]) => number;
}

/** Parses YAML strictly: duplicate keys, aliases and syntax errors are problems. */
export function parseSource(file: MappingFile, problems: MappingProblem[]): SourceFile | undefined {
  const lines = new LineCounter();
  const document = parseDocument(file.text, {
    lineCounter: lines,
    uniqueKeys: true,
    version: '1.2',
    schema: 'core',
  });
  for (const error of [...document.errors, ...document.warnings]) {
    const message = error.message.split('\n')[0]!;
    problems.push({ file: file.path, line: error.linePos?.[0].line ?? 0, path: '', message });
  }
  if (document.errors.length > 0) return undefined;
  return {
    path: file.path,
    value: document.toJS({ maxAliasCount: 0 }),
    lineOf: (path) => lineAt(document, lines, path),
  };
}

function lineAt(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node) ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (!pair) break;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = rangeStart(node) ?? offset;
    } else break;
  }
  return lines.linePos(offset).line;
}

function rangeStart(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  const range = node.range;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
}

/** Checks a parsed file against a schema; every violation becomes a problem. */
export function checkSource<Schema extends z.ZodType>(
  source: SourceFile,
  schema: Schema,
  problems: MappingProblem[],
): z.output<Schema> | undefined {
  const result = schema.safeParse(source.value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
    problems.push({
      file: source.path,
      line: source.lineOf(path),
      path: describePath(issue.path),
      message: issue.code === 'unrecognized_keys' ? unknownKeys(issue.keys) : issue.message,
    });
  }
  return undefined;
}

function unknownKeys(keys: readonly string[]): string {
  const hint = keys.some((key) => key.includes(' ')) ? ' (in { } a text with a comma needs quotes)' : '';
  return `unknown key ${keys.join(', ')}${hint}`;
}

/** `rows[3].fhir`. */
export function describePath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}
