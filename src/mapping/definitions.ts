import type { DefinitionsFile } from './schema.ts';
import type { Step } from './tree.ts';

/** A field or component as HL7 defines it. */
export interface PartDef {
  /** Data type: `CX`. */
  readonly type: string;
  readonly repeats: boolean;
  readonly name: string;
}

/** The structures of HL7 v2 that maps may name: the union of the versions in use, later versions only append. */
export interface Definitions {
  readonly datatypes: ReadonlyMap<string, readonly PartDef[]>;
  readonly segments: ReadonlyMap<string, readonly PartDef[]>;
}

/** Merges definition files; a later file (a site's Z-segments) adds to the earlier ones. */
export function mergeDefinitions(files: readonly DefinitionsFile[]): Definitions {
  const datatypes = new Map<string, readonly PartDef[]>();
  const segments = new Map<string, readonly PartDef[]>();
  for (const file of files) {
    for (const [name, parts] of Object.entries(file.datatypes)) datatypes.set(name, parts.map(parsePart));
    for (const [name, parts] of Object.entries(file.segments)) segments.set(name, parts.map(parsePart));
  }
  return { datatypes, segments };
}

function parsePart(text: string): PartDef {
  const [, type, star, name] = /^(\w+)(\*?)(?: (.+))?$/.exec(text) ?? [];
  return { type: type!, repeats: star === '*', name: name ?? '' };
}

/**
 * The definition of the place at the end of `steps`, which start at a segment name, or below `root`, a data type.
 * @throws Error naming the step that HL7 does not define.
 */
export function definitionAt(
  definitions: Definitions,
  steps: readonly Step[],
  root: string | undefined,
): PartDef {
  let part: PartDef = { type: root ?? '', repeats: false, name: '' };
  for (const [at, step] of steps.entries()) {
    if (at === 0 && root === undefined) {
      if (!definitions.segments.has(String(step))) throw new Error(`no segment ${step} is defined`);
      part = { type: String(step), repeats: true, name: '' };
      continue;
    }
    const parts = definitions.segments.get(part.type) ?? definitions.datatypes.get(part.type);
    const next = parts?.[Number(step) - 1];
    if (next) part = next;
    else if (!parts?.length && step === 1) return part;
    else throw new Error(`${part.type} has no part ${step}`);
  }
  return part;
}
