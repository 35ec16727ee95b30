import { globSync, readFileSync } from 'node:fs';
import { compileMappings, type MappingSet } from '../../../src/mapping/mapping-set.ts';
import { createMemoryTree } from '../../../src/mapping/memory-tree.ts';
import type { RunContext } from '../../../src/mapping/run.ts';
import type { TreeReader, TreeWriter } from '../../../src/mapping/tree.ts';

/** The base mappings that the engine's tests stand on: definitions, data types and code maps. */
export const BASE = globSync([
  'mappings/hl7v2/definitions*.yaml',
  'mappings/hl7v2/datatypes/*.yaml',
  'mappings/codes/*.yaml',
])
  .toSorted()
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));

/** The base mappings and further files, compiled. */
export function compileWith(...texts: string[]): MappingSet {
  return compileMappings([...BASE, ...texts.map((text, at) => ({ path: `test-${at}.yaml`, text }))]);
}

/** Rows that keep every field of a segment but those `used`: so that a map of a test is total. */
export function keepRows(segment: string, fields: number, used: readonly number[]): string {
  return Array.from({ length: fields }, (_, at) => at + 1)
    .filter((field) => !used.includes(field))
    .map((field) => `  - { v2: ${segment}-${field}, fhir: ~, keep: raw, why: not of this test }\n`)
    .join('');
}

export const CONTEXT: RunContext = {
  authorities: [
    { name: 'HOSP', namespaces: ['HOSP'], oid: '1.2.3', system: 'urn:oid:1.2.3' },
    { name: 'LAB', namespaces: ['LAB'], system: 'https://lab.example/ids' },
  ],
  timeZone: 'Europe/Berlin',
};

/** A memory tree of segments written with the usual delimiters, one a line. Escapes are not decoded. */
export function hl7Tree(text: string): TreeWriter {
  const root = createMemoryTree('hl7');
  for (const [at, line] of text.split('\n').filter(Boolean).entries()) {
    const [name, ...fields] = line.split('|');
    const before = text
      .split('\n')
      .slice(0, at)
      .filter((it) => it.startsWith(name!)).length;
    const segment = root.child(name!, before);
    for (const [field, content] of fields.entries()) {
      for (const [rep, repetition] of content.split('~').entries()) {
        if (content !== '') fill(segment.child(field + 1, rep), repetition, ['^', '&']);
      }
    }
  }
  return root;
}

function fill(place: TreeWriter, text: string, delimiters: readonly string[]): void {
  const [delimiter, ...deeper] = delimiters;
  if (text === '""') {
    place.set('x');
    return place.clear();
  }
  if (delimiter === undefined || !text.includes(delimiter)) {
    if (text === '') return;
    return deeper.length > 0 && text.includes(deeper[0]!)
      ? fill(place.child(1), text, deeper)
      : place.set(text);
  }
  for (const [at, part] of text.split(delimiter).entries()) fill(place.child(at + 1), part, deeper);
}

/** The segments of a memory tree as text; trailing delimiters are left out. */
export function hl7Text(root: TreeReader): string {
  return root
    .steps()
    .flatMap((name) =>
      Array.from({ length: root.count(name) }, (_, at) => `${name}|${fieldsOf(root.child(name, at))}`),
    )
    .join('\n');
}

function fieldsOf(segment: TreeReader): string {
  const last = Math.max(0, ...segment.steps().map(Number));
  return Array.from({ length: last }, (_, at) =>
    Array.from({ length: segment.count(at + 1) }, (_unused, rep) =>
      partText(segment.child(at + 1, rep), ['^', '&']),
    ).join('~'),
  ).join('|');
}

function partText(place: TreeReader, delimiters: readonly string[]): string {
  const steps = place.steps();
  if (steps.length === 0) return place.text() === null ? '""' : (place.text() ?? '');
  const [delimiter, ...deeper] = delimiters;
  return Array.from({ length: Math.max(...steps.map(Number)) }, (_, at) =>
    partText(place.child(at + 1), deeper),
  ).join(delimiter);
}
