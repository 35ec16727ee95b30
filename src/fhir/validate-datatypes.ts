import { binding, hasCode } from './bindings.ts';
import { isResourceType, type ElementDef } from './elements.ts';
import { isJsonObject } from './json.ts';
import { isId } from './primitives.ts';
import { parseReference } from './reference.ts';
import type { JsonObject, Resource } from './types.ts';

/** Takes a problem: FHIR issue code, FHIRPath, what is wrong (never a value). */
export type Report = (code: string, path: string, diagnostics: string) => void;

/** One validation. */
export interface Walk {
  /** The outermost resource: what `#id` looks into. */
  readonly root: Resource;
  readonly report: Report;
  /** Ids that `#id` references of this resource name; `` for `#` itself. */
  readonly local: Set<string>;
}

const DATA_ABSENT_REASON = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';

/** A code against its required value set. */
export function checkCode(code: string, name: string, path: string, report: Report): void {
  const set = binding(name);
  if (!hasCode(set, code)) report('code-invalid', path, `Not a code of ${describeBinding(name)}.`);
}

/**
 * One coding of the value set at least (terminologies.html#required), unless the element says that what is expected is
 * missing (extension-data-absent-reason.html).
 */
export function checkConcept(
  value: JsonObject,
  type: string,
  name: string,
  path: string,
  report: Report,
): void {
  const codings = type === 'CodeableConcept' ? value['coding'] : [value];
  if (codings === undefined && value['text'] === undefined && isSaidAbsent(value)) return;
  const set = binding(name);
  const known =
    Array.isArray(codings) &&
    codings.some(
      (it) => isJsonObject(it) && set.get(it['system'] as string)?.has(it['code'] as string) === true,
    );
  if (!known) report('code-invalid', path, `Needs a coding, with its system, of ${describeBinding(name)}.`);
}

function isSaidAbsent({ extension }: JsonObject): boolean {
  return (
    Array.isArray(extension) && extension.some((it) => isJsonObject(it) && it['url'] === DATA_ABSENT_REASON)
  );
}

function describeBinding(name: string): string {
  const codes = [...binding(name).values()].flatMap((it) => [...it]);
  return `the required value set ${name}${codes.length <= 12 ? ` (${codes.join(', ')})` : ''}`;
}

/** A Reference element: its form and what it may point at (references.html). */
export function checkReference(value: JsonObject, element: ElementDef, path: string, walk: Walk): void {
  const { report } = walk;
  const { reference, type } = value;
  if (!['reference', 'identifier', 'display', 'extension'].some((name) => value[name] !== undefined)) {
    report('required', path, 'A reference needs a reference, an identifier or a display.');
  }
  const allowed = (target: string): boolean => !element.targets || element.targets.includes(target);
  if (typeof type === 'string' && isResourceType(type) && !allowed(type)) {
    report('value', `${path}.type`, `May refer to: ${element.targets!.join(', ')}.`);
  }
  if (typeof reference !== 'string' || reference === '') return;
  const parsed = parseReference(reference);
  if (!parsed) {
    report('value', `${path}.reference`, 'Must be Type/id, an absolute URL, urn:uuid:, urn:oid: or #id.');
    return;
  }
  if (parsed.kind === 'contained') {
    walk.local.add(parsed.id);
    return;
  }
  if (parsed.kind !== 'relative' && parsed.kind !== 'absolute') return;
  if (!isId(parsed.id) || (parsed.versionId !== undefined && !isId(parsed.versionId))) {
    report('value', `${path}.reference`, 'The id must be 1 to 64 letters, digits, hyphens or dots.');
  }
  if (!allowed(parsed.type)) {
    report('value', `${path}.reference`, `May refer to: ${element.targets!.join(', ')}.`);
  }
  if (typeof type === 'string' && isResourceType(type) && type !== parsed.type) {
    report('value', `${path}.type`, 'Says another type than the reference.');
  }
}

/** extensibility.html: ext-1. */
export function checkExtension(value: JsonObject, path: string, report: Report): void {
  const hasValue = Object.keys(value).some((name) => /^_?value[A-Z]/.test(name));
  if (hasValue === (value['extension'] !== undefined)) {
    report('invariant', path, 'ext-1: an extension has either a value or extensions.');
  }
}
