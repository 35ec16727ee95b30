import type { Codec } from './codec.ts';
import { codeCodec, codedElementSaysSystem, translated, type CodeMap } from './code-map.ts';
import { fitsType, targetOf, type Branch, type PathTarget } from './compile.ts';
import { compileCondition, conjoin, negate, type Condition } from './condition.ts';
import { coverAt, mergeCover, segmentCover, type Cover } from './cover.ts';
import { definitionAt, type PartDef } from './definitions.ts';
import { parseFhirPath, type FhirStep } from './fhir-path.ts';
import { fitsPrimitive, related } from './fits.ts';
import { keyCodec, referenceCodec } from './key.ts';
import { readRemembering } from './remembering.ts';
import { primitiveCodec, primitiveOf, type Primitive } from './primitive.ts';
import { coverKind, coverPaths, coverReference, type CoveredPlace } from './row-cover.ts';
import type { Row } from './schema.ts';
import { segmentCodec } from './segment-group.ts';
import { parseTreePath, pathKey, type PathSyntax } from './tree-path.ts';
import type { Step } from './tree.ts';
import { VIA } from './via.ts';
import { OVER_REPETITIONS } from './via/message.ts';
import { parseMapName, type CompiledMap, type MapEnvironment, type SourceRow } from './compiled-map.ts';

/** A constant of the legacy side. */
export interface Stamp {
  readonly steps: readonly Step[];
  readonly text: string;
  readonly when: Condition | undefined;
}

/** What rows need to know of the map that they belong to. */
export interface MapShape {
  readonly syntax: PathSyntax;
  /** Name of the data type, in a data type map. */
  readonly root: string | undefined;
  readonly fhir: string;
}

/** A codec that does not look into a place that holds nothing. */
function whereFilled(codec: Codec): Codec {
  return {
    read: (place, run) => (place.filled() ? readRemembering(codec, place, run) : undefined),
    write: (value, place, run) => codec.write(value, place, run),
  };
}

/** Compiles one row, telling what is wrong with it. */
export class RowCompiler {
  private readonly source: SourceRow;
  private readonly row: Row;
  private readonly shape: MapShape;
  private readonly environment: MapEnvironment;
  private readonly steps: readonly Step[] | undefined;
  private readonly part: PartDef | undefined;
  private readonly when: Condition | undefined;

  constructor(source: SourceRow, shape: MapShape, environment: MapEnvironment) {
    this.source = source;
    this.row = source.row;
    this.shape = shape;
    this.environment = environment;
    this.steps = this.attempt(() => this.legacySteps());
    this.part =
      this.steps && shape.syntax === 'v2'
        ? this.attempt(() => definitionAt(environment.definitions, this.steps!, shape.root))
        : undefined;
    const { when, unless } = this.row;
    this.when = conjoin(
      when === undefined ? undefined : this.attempt(() => compileCondition(when, shape.syntax, shape.root)),
      unless === undefined
        ? undefined
        : this.attempt(() => negate(compileCondition(unless, shape.syntax, shape.root))),
    );
  }

  private problem(message: string): void {
    this.environment.problem(this.source, message);
  }

  private attempt<Value>(make: () => Value): Value | undefined {
    try {
      return make();
    } catch (error) {
      this.problem(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  private legacySteps(): readonly Step[] | undefined {
    const path = this.row.v2 ?? this.row.xml;
    if (!path) return undefined;
    if ((this.row.xml === undefined) === (this.shape.syntax === 'xml'))
      throw new Error(`this map's rows use ${this.shape.syntax}`);
    return parseTreePath(path, this.shape.syntax, this.shape.root);
  }

  /** The row as a branch; undefined for a row of one side, or one with a problem. */
  branch(): Branch | undefined {
    const { row, steps } = this;
    if (!row.fhir || row.drop) return undefined;
    const fhir = this.attempt(() => parseFhirPath(row.fhir!));
    const target = fhir && this.attempt(() => targetOf(this.shape.fhir, fhir));
    if (!fhir || !target) return undefined;
    const common = {
      fhir,
      when: this.when,
      only: row.only,
      split: row.split,
      segments: this.shape.syntax === 'v2' && this.shape.root === undefined && steps?.length === 1,
      problem: (message: string) => this.problem(message),
    };
    if (row.const !== undefined)
      return { ...common, steps: [], repeats: false, says: { value: row.const }, after: [] };
    if (!steps) return undefined;
    const keyed = row.as === 'key' || row.as === 'reference';
    const codec = keyed ? this.keyed(target, steps) : this.codec(target);
    if (!codec) return undefined;
    const over = keyed || OVER_REPETITIONS.has(row.via ?? '');
    return {
      ...common,
      steps: over ? steps.slice(0, -1) : steps,
      repeats: !over && target.list && this.sourceRepeats(fhir),
      says: { codec },
      after: keyed ? [pathKey(steps)] : [],
    };
  }

  private sourceRepeats(fhir: readonly FhirStep[]): boolean {
    if (this.steps!.length === 0 || this.row.split !== undefined) return false;
    if (this.shape.syntax === 'xml') return !String(this.steps!.at(-1)).startsWith('@') && fhir.length > 0;
    return this.part?.repeats ?? false;
  }

  private codec(target: PathTarget): Codec | undefined {
    const { row } = this;
    if (row.via !== undefined) return this.via(row.via);
    if (row.each !== undefined) return this.each(row.each, target);
    if (row.code !== undefined) return this.coded(row.code, target);
    const as = (row.as as Exclude<Primitive, 'key' | 'reference'> | undefined) ?? primitiveOf(target.type);
    if (!as) {
      this.problem(`${row.fhir} is a ${target.type}: say how with each, code or via`);
      return undefined;
    }
    if (!fitsPrimitive(as, target.type)) this.problem(`as: ${as} does not make a ${target.type}`);
    return primitiveCodec(as, { syntax: this.shape.syntax, from: row.from, upto: row.upto });
  }

  private keyed(target: PathTarget, steps: readonly Step[]): Codec | undefined {
    const { of, authority, as } = this.row;
    const fits = as === 'key' ? ['id', 'string', 'http://hl7.org/fhirpath/System.String'] : ['Reference'];
    if (!fits.includes(target.type)) this.problem(`as: ${as} makes a ${fits[0]}, not a ${target.type}`);
    if (as === 'reference' && target.targets && !target.targets.includes(of!))
      this.problem(`${this.row.fhir} may not point at ${of}`);
    const below = (path: string | undefined) =>
      path === undefined ? undefined : this.attempt(() => parseTreePath(path, 'xml', undefined));
    const { number, namespace } = this.row;
    const options = {
      of: of!,
      type: this.part?.type,
      authority,
      step: steps.at(-1),
      number: below(number),
      namespace: below(namespace),
    };
    if (as === 'reference') return referenceCodec(options);
    return keyCodec(options, target.type === 'string' ? `${of}/` : '');
  }

  private via(name: string): Codec | undefined {
    const make = Object.hasOwn(VIA, name) ? VIA[name] : undefined;
    if (!make) this.problem(`no pair of functions is registered as ${name}`);
    const path = (parameter: string): readonly Step[] => {
      const text = this.row.with?.[parameter];
      if (text === undefined) this.problem(`via: ${name} needs with: { ${parameter}: PATH }`);
      return text === undefined
        ? []
        : (this.attempt(() => parseTreePath(text, this.shape.syntax, this.part?.type)) ?? []);
    };
    const map = (wanted: string): CompiledMap | undefined => {
      const found = this.environment.map(wanted);
      if (!found) this.problem(`there is no map ${wanted}, or it needs itself`);
      return found;
    };
    const step = this.steps?.at(-1) ?? 1;
    return make?.({ syntax: this.shape.syntax, codes: (codes) => this.codes(codes), map, path, step });
  }

  private codes(name: string): CodeMap | undefined {
    const map = this.environment.codes(name);
    if (!map) this.problem(`there is no code map ${name}`);
    return map;
  }

  private each(name: string, target: PathTarget): Codec | undefined {
    const map = this.environment.map(name);
    if (!map) {
      this.problem(`there is no map ${name}, or it needs itself`);
      return undefined;
    }
    const { target: referenced } = parseMapName(name);
    if (!fitsType(map.fhirType, target.type))
      this.problem(`${name} makes a ${map.fhirType}, not a ${target.type}`);
    if (referenced && target.targets && !target.targets.includes(referenced))
      this.problem(`${this.row.fhir} may not point at ${referenced}`);
    if (this.part && !related(map.legacy, this.part.type))
      this.problem(`${this.row.v2} is a ${this.part.type}, not a ${map.legacy}`);
    const segment = this.segmentOf(map);
    if (segment !== undefined) return segmentCodec(map.codec, segment);
    if (this.row.code === undefined) return whereFilled(map.codec);
    const codes = this.codes(this.row.code);
    if (map.fhirType !== 'Coding' && map.fhirType !== 'CodeableConcept') {
      this.problem(`code goes with each of a Coding or a CodeableConcept`);
      return undefined;
    }
    const saysSystem = this.shape.syntax === 'v2' ? codedElementSaysSystem : () => false;
    return codes && whereFilled(translated(map.codec, codes, map.fhirType, saysSystem));
  }

  /** The segment's name, when the row's place is a segment and the map is that segment's. */
  private segmentOf(map: CompiledMap): string | undefined {
    const [name, ...deeper] = this.steps ?? [];
    return deeper.length === 0 && map.segments.includes(String(name)) ? String(name) : undefined;
  }

  private coded(name: string, target: PathTarget): Codec | undefined {
    const codes = this.codes(name);
    const kind = CODED.get(target.type);
    if (!kind) this.problem(`a code map makes a code, Coding or CodeableConcept, not a ${target.type}`);
    if (codes && kind === 'code' && (codes.unknown === 'keep' || codes.unknown === 'text')) {
      this.problem(`code map ${name} keeps unknown codes, which a plain code cannot hold`);
    }
    return codes && kind && codeCodec(codes, kind);
  }

  /** A constant of the legacy side. */
  stamp(): Stamp | undefined {
    const { row, steps } = this;
    if (row.const === undefined || row.fhir || !steps) return undefined;
    return { steps, text: String(row.const), when: this.when };
  }

  /** Adds what the row speaks of to the map's cover. */
  cover(cover: Cover): void {
    const { row, steps, when } = this;
    if (!steps || row.only === 'write' || row.as === 'key') return;
    const place: CoveredPlace = {
      steps,
      syntax: this.shape.syntax,
      type: this.part?.type,
      when,
      partAt: (path) => this.partAt(path),
    };
    if (row.as === 'reference') return coverReference(cover, place, row);
    if (row.with) return coverPaths(cover, place, Object.values(row.with));
    const at = coverAt(cover, steps);
    const map = row.each === undefined ? undefined : this.environment.map(row.each);
    const segment = map && this.segmentOf(map);
    const below = map && (segment === undefined ? map.cover : segmentCover(map.cover, segment));
    if (below) mergeCover(at, below, when && { when, up: steps.length });
    else at.rules.push({ kind: coverKind(row), when, up: steps.length, why: row.why });
    const fhir = row.fhir ? this.attempt(() => parseFhirPath(row.fhir!)) : undefined;
    const over = OVER_REPETITIONS.has(row.via ?? '');
    at.repeats ||= over || fhir === undefined || (this.sourceRepeats(fhir) && this.isList(fhir));
  }

  private partAt(steps: readonly Step[]): PartDef | undefined {
    return this.attempt(() => definitionAt(this.environment.definitions, steps, this.shape.root));
  }

  private isList(fhir: readonly FhirStep[]): boolean {
    try {
      return targetOf(this.shape.fhir, fhir).list;
    } catch {
      return false;
    }
  }
}

const CODED = new Map([
  ['code', 'code'],
  ['uri', 'code'],
  ['Coding', 'Coding'],
  ['CodeableConcept', 'CodeableConcept'],
] as const) as ReadonlyMap<string, 'code' | 'Coding' | 'CodeableConcept'>;
