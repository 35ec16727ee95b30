import type { z } from 'zod';
import { errorsSchema, interactionSchema, type ErrorsFile, type InteractionFile } from './exchange-schema.ts';
import { messageSchema, type MessageFile } from './message-schema.ts';
import { parseMapName, type MapSource, type SourceRow } from './compiled-map.ts';
import type { MappingProblem } from './problem.ts';
import {
  codesOverlaySchema,
  codesSchema,
  definitionsSchema,
  mapSchema,
  overlaySchema,
  type CodesFile,
  type DefinitionsFile,
} from './schema.ts';
import { checkSource, describePath, type SourceFile } from './source-file.ts';

/** The declarations of a set of files, overlays applied, not yet compiled. */
export interface Parts {
  readonly maps: Map<string, MapSource>;
  readonly codes: Map<string, { readonly file: CodesFile; readonly source: SourceFile }>;
  readonly definitions: DefinitionsFile[];
  readonly messages: Map<string, Declared<MessageFile>>;
  /** By adapter and endpoint: `hl7v2 Patient.read`. */
  readonly interactions: Map<string, Declared<InteractionFile>>;
  readonly errors: Map<string, ErrorsFile>;
}

/** A declaration and the file that it came from. */
export interface Declared<File> {
  readonly file: File;
  readonly source: SourceFile;
}

const KINDS = [
  'map',
  'codes',
  'definitions',
  'message',
  'interaction',
  'errors',
  'overlay',
  'overlayCodes',
] as const;

/** Sorts files by kind, checks each against its schema, then applies overlays in order; every problem is told. */
export function collectParts(sources: readonly SourceFile[], problems: MappingProblem[]): Parts {
  const parts: Parts = {
    maps: new Map(),
    codes: new Map(),
    definitions: [],
    messages: new Map(),
    interactions: new Map(),
    errors: new Map(),
  };
  const changes = sources.filter((source) => kindOf(source)?.startsWith('overlay'));
  for (const source of sources) if (!changes.includes(source)) collect(source, parts, problems);
  for (const source of changes) collect(source, parts, problems);
  return parts;
}

function collect(source: SourceFile, parts: Parts, problems: MappingProblem[]): void {
  const kind = kindOf(source);
  const check = <Schema extends z.ZodType>(schema: Schema) => checkSource(source, schema, problems);
  const once = <Value>(into: Map<string, Value>, name: string, value: Value): void => {
    if (into.has(name))
      problems.push({ file: source.path, line: 1, path: kind!, message: `${name} is declared twice` });
    else into.set(name, value);
  };
  switch (kind) {
    case 'map': {
      const file = check(mapSchema);
      if (file) once(parts.maps, file.map, mapSource(file, source));
      break;
    }
    case 'codes': {
      const file = check(codesSchema);
      if (file) once(parts.codes, file.codes, { file, source });
      break;
    }
    case 'definitions': {
      const file = check(definitionsSchema);
      if (file) parts.definitions.push(file);
      break;
    }
    case 'message': {
      const file = check(messageSchema);
      if (file) once(parts.messages, file.message, { file, source });
      break;
    }
    case 'interaction': {
      const file = check(interactionSchema);
      if (file) once(parts.interactions, `${file.adapter} ${file.interaction}`, { file, source });
      break;
    }
    case 'errors': {
      const file = check(errorsSchema);
      if (file) once(parts.errors, file.errors, file);
      break;
    }
    case 'overlay':
      applyOverlay(source, parts, problems);
      break;
    case 'overlayCodes':
      applyCodesOverlay(source, parts, problems);
      break;
    case undefined:
      problems.push({
        file: source.path,
        line: 1,
        path: '',
        message: `has none of the keys ${KINDS.join(', ')}`,
      });
  }
}

function kindOf(source: SourceFile): (typeof KINDS)[number] | undefined {
  const value = source.value;
  return typeof value === 'object' && value !== null ? KINDS.find((kind) => kind in value) : undefined;
}

function mapSource(file: z.output<typeof mapSchema>, source: SourceFile): MapSource {
  const { map: name, basis, syntax, segments, part, order } = file;
  const updates = file.updates.map((rule, at) => ({
    rule,
    path: `updates[${at}]`,
    origin: { file: source.path, line: source.lineOf(['updates', at]) },
  }));
  const origin = (at: number) => ({ file: source.path, line: source.lineOf(['rows', at]) });
  const rows = file.rows.map((row, at) => ({ row, path: `rows[${at}]`, origin: origin(at) }));
  return {
    name,
    basis,
    syntax,
    segments,
    part,
    order,
    updates,
    rows,
    origin: { file: source.path, line: 1 },
  };
}

/** The key by which overlays name a row. */
export function rowKey({ row }: SourceRow): string {
  return row.key ?? row.v2 ?? row.xml ?? `-> ${row.fhir ?? ''}`;
}

function applyOverlay(source: SourceFile, parts: Parts, problems: MappingProblem[]): void {
  const file = checkSource(source, overlaySchema, problems);
  if (!file) return;
  const map = parts.maps.get(file.overlay);
  const tell = (path: readonly PropertyKey[], message: string) =>
    problems.push({ file: source.path, line: source.lineOf(path), path: describePath(path), message });
  if (!map) return void tell(['overlay'], `there is no map ${file.overlay}`);
  const rows = [...map.rows];
  for (const [at, { row: replaced, remove, ...row }] of file.rows.entries()) {
    const origin = { file: source.path, line: source.lineOf(['rows', at]), overlay: file.by };
    const added: SourceRow = { row, path: `rows[${at}]`, origin };
    if (replaced === undefined) {
      rows.push(added);
      continue;
    }
    const found = rows.flatMap((it, index) => (rowKey(it) === replaced ? [index] : []));
    if (found.length === 1) rows.splice(found[0]!, 1, ...(remove ? [] : [added]));
    else
      tell(
        ['rows', at, 'row'],
        found.length === 0 ? `no row ${replaced}` : `several rows ${replaced}: give them a key`,
      );
  }
  const { legacy } = parseMapName(map.name);
  const segments = file.segments ? [...(map.segments ?? [legacy]), ...file.segments] : map.segments;
  parts.maps.set(map.name, { ...map, rows, segments });
}

function applyCodesOverlay(source: SourceFile, parts: Parts, problems: MappingProblem[]): void {
  const overlay = checkSource(source, codesOverlaySchema, problems);
  if (!overlay) return;
  const base = parts.codes.get(overlay.overlayCodes);
  if (!base) {
    const message = `there is no code map ${overlay.overlayCodes}`;
    problems.push({ file: source.path, line: 1, path: 'overlayCodes', message });
    return;
  }
  const replaced = new Set(overlay.rows.map((row) => row.v2));
  const rows = [...base.file.rows.filter((row) => !replaced.has(row.v2)), ...overlay.rows];
  const file = { ...base.file, rows, ...(overlay.unknown ? { unknown: overlay.unknown } : {}) };
  parts.codes.set(overlay.overlayCodes, { file, source: base.source });
}
