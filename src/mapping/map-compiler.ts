import { sameJson, type Codec } from './codec.ts';
import { compileMembers, compileThis, type Branch } from './compile.ts';
import { parseMapName, type CompiledMap, type MapEnvironment, type MapSource } from './compiled-map.ts';
import { createCover } from './cover.ts';
import { objectCodec } from './member.ts';
import { compileUpdateRules } from './update-rules.ts';
import { RowCompiler, type Stamp } from './row-compiler.ts';

export type { CompiledMap } from './compiled-map.ts';

/** Compiles a map; every problem of every row is told, and what is sound is compiled regardless. */
export function compileMap(source: MapSource, environment: MapEnvironment): CompiledMap {
  const { legacy, fhir } = parseMapName(source.name);
  const root = source.syntax === 'v2' && environment.definitions.datatypes.has(legacy) ? legacy : undefined;
  const cover = createCover();
  const branches: Branch[] = [];
  const stamps: Stamp[] = [];
  for (const row of source.rows) {
    const compiler = new RowCompiler(row, { syntax: source.syntax, root, fhir }, environment);
    compiler.cover(cover);
    const branch = compiler.branch();
    if (branch) branches.push(branch);
    const stamp = compiler.stamp();
    if (stamp) stamps.push(stamp);
  }
  const whole = branches.filter((branch) => branch.fhir.length === 0);
  const codec = whole.length > 0 ? compileThis(whole) : objectCodec(compileMembers(branches, fhir));
  if (whole.length > 0 && whole.length < branches.length)
    whole[0]!.problem('$this does not go with rows for elements');
  return {
    name: source.name,
    basis: source.basis,
    legacy,
    fhirType: fhir,
    syntax: source.syntax,
    codec: stamps.length === 0 && !source.order ? codec : finished(codec, stamps, source.order),
    cover,
    segments: root === undefined && source.syntax === 'v2' ? (source.segments ?? [legacy]) : [],
    part: source.part,
    partly: source.partly ?? [],
    origin: source.origin,
    updates: compileUpdateRules(source.updates, fhir, environment.map, environment.problem),
    rows: source.rows,
  };
}

/** A codec that, once it has written, sets the constants of the legacy side and puts children in order. */
function finished(codec: Codec, stamps: readonly Stamp[], order: readonly string[] | undefined): Codec {
  return {
    read: (place, run) => codec.read(place, run),
    write(value, place, run) {
      // What stays as it is keeps the order that it came in.
      const before = order && codec.read(place, run.quiet);
      const said = codec.write(value, place, run);
      if (value === undefined || !said) return said;
      for (const { steps, text, when } of stamps) {
        if (when && !when.holds(place, run)) continue;
        let at = place;
        for (const step of steps) at = at.child(step);
        if (!at.filled()) at.set(text);
      }
      if (order && !sameJson(before, codec.read(place, run.quiet))) place.order(order);
      return true;
    },
  };
}
