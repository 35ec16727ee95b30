import type { CodeMap } from './code-map.ts';
import type { Codec } from './codec.ts';
import type { Cover } from './cover.ts';
import type { Definitions } from './definitions.ts';
import type { Row } from './schema.ts';
import type { PathSyntax } from './tree-path.ts';
import type { CompiledUpdateRule, SourceUpdateRule } from './undoing.ts';

/** Where a row was written. */
export interface RowOrigin {
  readonly file: string;
  readonly line: number;
  /** The site overlay it came with. */
  readonly overlay?: string;
}

/** A row after overlays, with its origin. */
export interface SourceRow {
  readonly row: Row;
  readonly origin: RowOrigin;
  /** Path of the row in its file, for problems. */
  readonly path: string;
}

/** What a map's name says: `CWE <-> Coding [second]`, `XCN <-> Reference(Practitioner)`. */
export interface MapName {
  readonly legacy: string;
  readonly fhir: string;
  readonly target: string | undefined;
}

/** A map ready to compile. */
export interface MapSource {
  readonly name: string;
  /** What it follows: `v2-to-FHIR, segment PID[Patient]`. */
  readonly basis: string | undefined;
  readonly syntax: PathSyntax;
  readonly segments: readonly string[] | undefined;
  /** Whether the map speaks of a part of its structure only. */
  readonly part: boolean;
  /** Segments of which it speaks in part only, other maps of the rest. */
  readonly partly?: readonly string[];
  /** Order of an XML element's children. */
  readonly order: readonly string[] | undefined;
  readonly origin: RowOrigin;
  readonly updates: readonly SourceUpdateRule<RowOrigin>[];
  readonly rows: readonly SourceRow[];
}

/** A compiled map: closures, and what the reports need. */
export interface CompiledMap {
  readonly name: string;
  /** What it follows: `v2-to-FHIR, segment PID[Patient]`. */
  readonly basis: string | undefined;
  readonly legacy: string;
  /** FHIR type: a resource, a data type, or an inner structure (`Patient.contact`). */
  readonly fhirType: string;
  readonly syntax: PathSyntax;
  readonly codec: Codec;
  readonly cover: Cover;
  /** Segments whose every field this map answers for; empty for data types and XML. */
  readonly segments: readonly string[];
  /** Whether the map speaks of a part of its structure only, another map of the rest. */
  readonly part: boolean;
  /** Of several maps in one: segments of which it speaks in part only, another reading of the rest. */
  readonly partly: readonly string[];
  readonly origin: RowOrigin;
  /** What a message does to what is known, beside what it says. */
  readonly updates: readonly CompiledUpdateRule[];
  readonly rows: readonly SourceRow[];
}

/** What compiling a map asks of the set that it belongs to. */
export interface MapEnvironment {
  readonly definitions: Definitions;
  /** A compiled map by name; undefined when there is none (or it is being compiled: a cycle). */
  readonly map: (name: string) => CompiledMap | undefined;
  readonly codes: (name: string) => CodeMap | undefined;
  readonly problem: (row: Pick<SourceRow, 'origin' | 'path'>, message: string) => void;
}

/** Splits a map's name. */
export function parseMapName(name: string): MapName {
  const [, legacy, fhir, target] = /^(\w+) <-> ([\w.]+)(?:\(([A-Z]\w+)\))?/.exec(name) ?? [];
  return { legacy: legacy!, fhir: fhir!, target };
}
