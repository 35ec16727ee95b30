import { compileCondition, type Condition } from './condition.ts';
import type { Definitions } from './definitions.ts';
import type { MessageFile } from './message-schema.ts';
import type { CompiledMap } from './compiled-map.ts';
import { compileIdentifier, compileKey, compileWholeField, type KeyOf } from './message-field.ts';
import { compileLinks, type Link } from './message-links.ts';
import { compileStructure, segmentOrder, type Grouping } from './structure.ts';

/** How a resource of a message relates to what is known of it (`ResourceChange` in src/projection-ports.ts). */
export type ReadingMode = 'snapshot' | 'update' | 'mention';

/** One `reads` of a message file, compiled. */
export interface Reading {
  readonly as: string | undefined;
  readonly in: string;
  readonly map: CompiledMap;
  readonly when: Condition | undefined;
  readonly mode: ReadingMode;
  /** The key where the maps give no id. */
  readonly key: KeyOf | undefined;
  readonly links: readonly Link[];
}

/** One `mentions` of a message file, compiled. */
export interface Mention {
  readonly map: CompiledMap;
  readonly fields: readonly { readonly segment: string; readonly field: number }[];
}

/** One `merges` of a message file, compiled. */
export interface IdentityReading {
  readonly in: string;
  readonly kind: 'merge' | 'unmerge' | 'move';
  readonly type: string;
  readonly when: Condition | undefined;
  /** Segment that says who goes. */
  readonly segment: string;
  readonly from: KeyOf;
  readonly into: KeyOf;
  /** Fields that it reads: `MRG-1`, `PID-3`. */
  readonly fields: readonly string[];
}

/** A message structure with its readings compiled. */
export interface CompiledMessage extends Omit<MessageFile, 'mentions' | 'merges'> {
  /** Groups the segments of a message, given their names in order. */
  readonly group: (names: readonly string[]) => Grouping;
  /** Segment names in the structure's order: where a new segment goes. */
  readonly order: readonly string[];
  readonly readings: readonly Reading[];
  readonly mentions: readonly Mention[];
  readonly merges: readonly IdentityReading[];
}

/** What compiling a message file asks of the set that it belongs to. */
export interface MessageEnvironment {
  readonly definitions: Definitions;
  /** The map over several; undefined when one of them does not exist. */
  readonly combined: (names: readonly string[]) => CompiledMap | undefined;
  readonly problem: (path: readonly PropertyKey[], message: string) => void;
}

/** Compiles a message file. Problems are told, and what has them is left out. */
export function compileMessage(file: MessageFile, environment: MessageEnvironment): CompiledMessage {
  const { definitions, combined, problem } = environment;
  const attempt = <Result>(path: readonly PropertyKey[], work: () => Result): Result | undefined => {
    try {
      return work();
    } catch (error) {
      problem(path, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  const conditionOf = (when: string | undefined, path: readonly PropertyKey[]): Condition | undefined =>
    when === undefined ? undefined : attempt(path, () => compileCondition(when, 'v2', undefined));
  const mapOf = (names: readonly string[], type: string, path: readonly PropertyKey[]) => {
    const map = combined(names);
    if (!map) problem(path, `there is no map ${names.join(' + ')}`);
    else if (map.fhirType !== type) problem(path, `${names[0]} makes a ${map.fhirType}, not a ${type}`);
    return map;
  };

  const names = new Map(file.reads.flatMap((it) => (it.as === undefined ? [] : [[it.as, it.resource]])));
  const readings = file.reads.flatMap((read, at): Reading[] => {
    const map = mapOf(read.maps, read.resource, ['reads', at, 'maps']);
    if (!map) return [];
    return [
      {
        as: read.as,
        in: read.in,
        map,
        when: conditionOf(read.when, ['reads', at, 'when']),
        mode: read.mode,
        key: attempt(['reads', at, 'key'], () => compileKey(read.key, definitions)),
        links: attempt(['reads', at, 'refers'], () => compileLinks(read.resource, read.refers, names)) ?? [],
      },
    ];
  });
  const mentions = file.mentions.flatMap(({ resource, map: name, fields }, at): Mention[] => {
    const map = mapOf([name], resource, ['mentions', at, 'map']);
    const places = fields.flatMap(
      (path, index) =>
        attempt(['mentions', at, 'fields', index], () => compileWholeField(path, definitions)) ?? [],
    );
    return map ? [{ map, fields: places }] : [];
  });
  const merges = file.merges.flatMap((change, at): IdentityReading[] => {
    const { in: path, kind, type } = change;
    // What is moved belongs to a patient from then on.
    const survivor = kind === 'move' ? 'Patient' : type;
    const from = attempt(['merges', at, 'from'], () => compileIdentifier(change.from, type, definitions));
    const into = attempt(['merges', at, 'into'], () => compileIdentifier(change.into, survivor, definitions));
    const when = conditionOf(change.when, ['merges', at, 'when']);
    const fields = [...`${change.from} ${change.into}`.matchAll(/[A-Z][A-Z0-9]{2}-\d+/g)].map(
      ([field]) => field,
    );
    const segment = change.from.slice(0, 3);
    return from && into ? [{ in: path, kind, type, when, segment, from, into, fields }] : [];
  });
  const group = compileStructure(file.structure);
  return { ...file, group, order: segmentOrder(file.structure), readings, mentions, merges };
}
