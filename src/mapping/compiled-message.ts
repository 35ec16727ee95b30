import { compileCondition, type Condition } from './condition.ts';
import type { MessageFile } from './exchange-schema.ts';
import type { CompiledMap } from './compiled-map.ts';
import { compileStructure, segmentOrder, type Grouping } from './structure.ts';

/** One `reads` of a message file, compiled. */
export interface Reading {
  readonly in: string;
  readonly map: CompiledMap;
  readonly when: Condition | undefined;
}

/** A message structure with its readings compiled. */
export interface CompiledMessage extends MessageFile {
  /** Groups the segments of a message, given their names in order. */
  readonly group: (names: readonly string[]) => Grouping;
  /** Segment names in the structure's order: where a new segment goes. */
  readonly order: readonly string[];
  readonly readings: readonly Reading[];
}

/**
 * Compiles a message file.
 * @param combined the map over several; undefined when one of them does not exist.
 */
export function compileMessage(
  file: MessageFile,
  combined: (names: readonly string[]) => CompiledMap | undefined,
  problem: (path: readonly PropertyKey[], message: string) => void,
): CompiledMessage {
  const readings = file.reads.flatMap(({ in: path, maps, when, resource }, at): Reading[] => {
    const map = combined(maps);
    if (!map) {
      problem(['reads', at, 'maps'], `there is no map ${maps.join(' + ')}`);
      return [];
    }
    if (map.fhirType !== resource)
      problem(['reads', at, 'resource'], `${maps[0]} makes a ${map.fhirType}, not a ${resource}`);
    return [{ in: path, map, when: conditionOf(when, (message) => problem(['reads', at, 'when'], message)) }];
  });
  return { ...file, group: compileStructure(file.structure), order: segmentOrder(file.structure), readings };
}

function conditionOf(when: string | undefined, problem: (message: string) => void): Condition | undefined {
  try {
    return when === undefined ? undefined : compileCondition(when, 'v2', undefined);
  } catch (error) {
    problem(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
