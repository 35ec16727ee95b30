import { textOf } from './authority.ts';
import { definitionAt, type Definitions } from './definitions.ts';
import { findKey, joinedKey } from './key.ts';
import type { Run } from './run.ts';
import { descend, parseTreePath } from './tree-path.ts';
import type { Step, TreeReader } from './tree.ts';

/** A key, `HOSP|100234`, as a message file says where it stands. */
export type KeyOf = (place: TreeReader, run: Run) => string | undefined;

interface Field {
  readonly steps: readonly Step[];
  /** HL7 data type at the place. */
  readonly type: string;
}

/** @throws Error when HL7 does not define the field. */
function compileField(path: string, definitions: Definitions): Field {
  const steps = parseTreePath(path, 'v2', undefined);
  return { steps, type: definitionAt(definitions, steps, undefined).type };
}

/**
 * The key that alternatives of a message file make: the first whose first field says something.
 * @throws Error when HL7 does not define a field.
 */
export function compileKey(
  alternatives: readonly (readonly string[])[],
  definitions: Definitions,
): KeyOf | undefined {
  const compiled = alternatives.map((paths) =>
    paths.map((path) => path.split(' or ').map((one) => compileField(one, definitions))),
  );
  if (compiled.length === 0) return undefined;
  return (place, run) => {
    for (const fields of compiled) {
      const chosen = fields.map((choices) => choices.find((field) => says(place, field)) ?? choices[0]!);
      const places = chosen.map(({ steps }) => descend(place, steps));
      const key = joinedKey(places, chosen[0]!.type, run);
      if (key !== undefined) return key;
    }
    return undefined;
  };
}

function says(place: TreeReader, { steps }: Field): boolean {
  return textOf(descend(place, steps)) !== undefined;
}

/**
 * The key of a resource that a field names by its identifier (CX, XCN, EI), as `as: key` reads it. `PID[2]-3` is the
 * field of the second PID.
 * @throws Error when HL7 does not define the field.
 */
export function compileIdentifier(path: string, of: string, definitions: Definitions): KeyOf {
  const [, name = '', nth = '1', rest = ''] = /^(\w+?)(?:\[(\d+)\])?(-.+)$/.exec(path) ?? [];
  const { steps, type } = compileField(`${name}${rest}`, definitions);
  const step = steps.at(-1)!;
  const options = { of, type, step, authority: undefined, number: undefined, namespace: undefined };
  return (place, run) => {
    const found = findKey(descend(place.child(name, Number(nth) - 1), steps.slice(1, -1)), options, run);
    return found && `${found.authority.name}|${found.number}`;
  };
}

/**
 * Segment and field of a path that names a whole field.
 * @throws Error when HL7 does not define it, or it is a part of a field.
 */
export function compileWholeField(
  path: string,
  definitions: Definitions,
): { readonly segment: string; readonly field: number } {
  const { steps } = compileField(path, definitions);
  if (steps.length !== 2) throw new Error(`${path} is no whole field such as PV1-7`);
  return { segment: String(steps[0]), field: Number(steps[1]) };
}
