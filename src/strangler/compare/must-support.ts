import { z } from 'zod';
import { isResourceType, typeDef } from '../../fhir/elements.ts';
import { memberOf } from './trail.ts';

/** A list of must-support elements (`contracts/us-core-must-support.yaml`). */
export const mustSupportFileSchema = z.strictObject({
  mustSupport: z.string().min(1).describe('Whose list it is'),
  types: z
    .record(z.string(), z.array(z.string()).min(1))
    .describe('By resource type: definition paths, e.g. Patient.name.family, Observation.value[x]'),
});

/**
 * Must-support elements as `CompareOptions.mustSupport` wants them.
 *
 * @param file parsed; checked here
 * @throws Error with every path that FHIR R4 does not have
 */
export function compileMustSupport(file: unknown): ReadonlyMap<string, ReadonlySet<string>> {
  const parsed = mustSupportFileSchema.safeParse(file);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `must-support ${path.join('.')}: ${message}`,
    );
    throw new Error(problems.join('\n'));
  }
  const { mustSupport, types } = parsed.data;
  const problems = Object.entries(types).flatMap(([type, paths]) =>
    paths.flatMap((path) => problemOf(type, path) ?? []),
  );
  if (problems.length > 0)
    throw new Error(problems.map((problem) => `${mustSupport}: ${problem}`).join('\n'));
  return new Map(Object.entries(types).map(([type, paths]) => [type, new Set(paths)]));
}

/** Behind a choice nobody knows the type. */
function problemOf(resourceType: string, path: string): string | undefined {
  if (!isResourceType(resourceType)) return `FHIR R4 has no resource type ${resourceType}`;
  const [first, ...elements] = path.split('.');
  if (first !== resourceType || elements.length === 0) return `${path} is no element of ${resourceType}`;
  let type: string = resourceType;
  for (const name of elements) {
    if (name.endsWith('[x]')) {
      const choice = typeDef(type)?.elements.get(name.slice(0, -3));
      return choice?.choice === true ? undefined : `${path}: ${type} has no choice ${name}`;
    }
    const member = memberOf(type, name);
    if (member.element !== name) return `${path}: ${type} has no element ${name}`;
    type = member.type;
  }
  return undefined;
}
