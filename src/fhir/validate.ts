import { FicusError, type Issue } from '../errors.ts';
import { isResourceType, typeDef, type ElementDef, type PropertyDef, type TypeDef } from './elements.ts';
import { invariantsOf } from './invariants.ts';
import { isJsonObject } from './json.ts';
import { primitiveFault } from './primitives.ts';
import type { Json, JsonObject, Resource } from './types.ts';
import { checkCode, checkConcept, checkExtension, checkReference } from './validate-datatypes.ts';
import type { Report, Walk } from './validate-datatypes.ts';

/** More problems than this help nobody. */
const MAX_ISSUES = 50;

/** Element names that are safe to repeat in an answer: what is not of this form may be data in the wrong place. */
const NAME = /^_?[A-Za-z][A-Za-z0-9]{0,63}$/;

/**
 * Everything that is structurally wrong with a resource by FHIR R4's own definitions (validation.html): unknown
 * elements, cardinality, JSON form, primitive values, choices, required bindings, references, contained resources,
 * extensions, and the invariants of invariants.ts. Not checked: profiles, terminology beyond required bindings, whether
 * a reference resolves.
 *
 * @returns at most 50 issues, each with the FHIRPath of its element; none when the resource is valid. Never a value.
 */
export function validateResource(value: Json): Issue[] {
  const issues: Issue[] = [];
  const report: Report = (code, path, diagnostics) => {
    issues.push({ severity: 'error', code, diagnostics, expression: [path] });
  };
  if (!isJsonObject(value)) {
    report('structure', 'Resource', 'A resource is a JSON object.');
  } else {
    const walk: Walk = { root: value as Resource, report, local: new Set() };
    checkResource(
      value,
      typeof value['resourceType'] === 'string' ? value['resourceType'] : 'Resource',
      walk,
      undefined,
    );
  }
  if (issues.length <= MAX_ISSUES) return issues;
  const left = issues.length - MAX_ISSUES + 1;
  return [
    ...issues.slice(0, MAX_ISSUES - 1),
    { severity: 'information', code: 'informational', diagnostics: `${left} more problems are not listed.` },
  ];
}

/**
 * The resource, when validateResource finds nothing.
 * @throws FicusError `invalid` with all problems.
 */
export function assertValid(value: Json): Resource {
  const issues = validateResource(value);
  if (issues.length > 0) {
    throw new FicusError('invalid', 'The body is not a valid FHIR R4 resource.', { issues });
  }
  return value as Resource;
}

function checkResource(value: JsonObject, path: string, walk: Walk, container: TypeDef | undefined): void {
  const { resourceType } = value;
  if (typeof resourceType !== 'string') {
    walk.report('structure', path, 'resourceType is missing.');
    return;
  }
  if (!isResourceType(resourceType)) {
    const named = NAME.test(resourceType) ? `${resourceType} is` : 'resourceType is';
    walk.report('structure', path, `${named} no FHIR R4 resource type.`);
    return;
  }
  checkObject(value, typeDef(resourceType)!, path, walk);
  if (container) checkContained(value, path, walk);
  else checkAllReferred(value, path, walk);
}

/** FHIR R4 domain-resource.html: dom-2, dom-4, dom-5, and an id to refer to. */
function checkContained(value: JsonObject, path: string, walk: Walk): void {
  const { report } = walk;
  if (value['contained'] !== undefined) {
    report('invariant', `${path}.contained`, 'dom-2: a contained resource contains no others.');
  }
  if (value['id'] === undefined) report('required', `${path}.id`, 'A contained resource needs an id.');
  const { meta } = value;
  if (!isJsonObject(meta)) return;
  for (const name of ['versionId', 'lastUpdated']) {
    if (meta[name] !== undefined) {
      report('invariant', `${path}.meta.${name}`, `dom-4: a contained resource has no meta.${name}.`);
    }
  }
  if (meta['security'] !== undefined) {
    report('invariant', `${path}.meta.security`, 'dom-5: a contained resource has no security labels.');
  }
}

/** dom-3: what is contained is referred to, or refers to its container. By an id that is its own: references.html. */
function checkAllReferred(value: JsonObject, path: string, walk: Walk): void {
  const { contained } = value;
  if (!Array.isArray(contained)) return;
  const ids = new Set<string>();
  for (const [index, inner] of contained.entries()) {
    if (!isJsonObject(inner) || typeof inner['id'] !== 'string') continue;
    const { id } = inner;
    if (ids.has(id))
      walk.report('structure', `${path}.contained[${index}].id`, 'Another contained resource has this id.');
    ids.add(id);
    if (walk.local.has(id) || JSON.stringify(inner).includes('"reference":"#"')) continue;
    walk.report(
      'invariant',
      `${path}.contained[${index}]`,
      'dom-3: nothing refers to this contained resource.',
    );
  }
}

function checkObject(value: JsonObject, def: TypeDef, path: string, walk: Walk): void {
  const names = Object.keys(value);
  if (!names.some((name) => name !== 'id' && name !== 'resourceType') && def.kind !== 'resource') {
    walk.report('invariant', path, 'ele-1: an element needs a value or children.');
    return;
  }
  const chosen = new Map<ElementDef, string>();
  for (const name of names) {
    if (value[name] === undefined || (name === 'resourceType' && def.kind === 'resource')) continue;
    const plain = name.startsWith('_') ? name.slice(1) : name;
    const property = def.properties.get(plain);
    if (!property || (name !== plain && typeDef(property.type)?.kind !== 'primitive')) {
      const where = NAME.test(name) ? `${path}.${name}` : path;
      walk.report('structure', where, `${def.name} has no such element.`);
      continue;
    }
    const other = chosen.get(property.element);
    if (other !== undefined && other !== plain) {
      walk.report(
        'structure',
        `${path}.${property.element.name}`,
        `Only one of ${other} and ${plain} is allowed.`,
      );
    }
    chosen.set(property.element, plain);
    // A primitive and its `_` twin are one element; it is checked when the first of them is met.
    if (name !== plain && value[plain] !== undefined) continue;
    checkElement(value[plain], value[`_${plain}`], property, `${path}.${step(property)}`, walk);
  }
  for (const element of def.elements.values()) {
    if (element.min > 0 && !chosen.has(element)) {
      walk.report('required', `${path}.${element.name}`, `${def.name}.${element.name} is required.`);
    }
  }
  checkInvariants(value, def, path, walk);
}

/** `value.ofType(Quantity)` for a choice, so that the expression selects exactly this element. */
function step(property: PropertyDef): string {
  return property.element.choice ? `${property.element.name}.ofType(${property.type})` : property.name;
}

function checkInvariants(value: JsonObject, def: TypeDef, path: string, walk: Walk): void {
  for (
    let type: TypeDef | undefined = def;
    type;
    type = type.base === undefined ? undefined : typeDef(type.base)
  ) {
    for (const { key, human, holds } of invariantsOf(type.name)) {
      if (!holds(value, walk.root)) walk.report('invariant', path, `${key}: ${human}.`);
    }
  }
}

/** @param twin the `_name` member of a primitive: its id and extensions. */
function checkElement(
  value: Json | undefined,
  twin: Json | undefined,
  property: PropertyDef,
  path: string,
  walk: Walk,
): void {
  if (property.element.max <= 1) {
    if (Array.isArray(value) || Array.isArray(twin)) {
      walk.report('structure', path, 'Not a list: this element does not repeat.');
    } else {
      checkValue(value, twin, property, path, walk);
    }
    return;
  }
  if ((value !== undefined && !Array.isArray(value)) || (twin !== undefined && !Array.isArray(twin))) {
    walk.report('structure', path, 'Must be a list: this element repeats.');
    return;
  }
  const length = Math.max(value?.length ?? 0, twin?.length ?? 0);
  if (length === 0) walk.report('structure', path, 'A list must not be empty.');
  if (length > property.element.max)
    walk.report('structure', path, `At most ${property.element.max} are allowed.`);
  const paired = typeDef(property.type)?.kind === 'primitive';
  for (let index = 0; index < length; index += 1) {
    const item = value?.[index];
    const itemTwin = twin?.[index];
    // null holds the place of a primitive whose other half is there (json.html#primitive).
    checkValue(
      paired ? (item ?? undefined) : item,
      itemTwin ?? undefined,
      property,
      `${path}[${index}]`,
      walk,
    );
  }
}

function checkValue(
  value: Json | undefined,
  twin: Json | undefined,
  property: PropertyDef,
  path: string,
  walk: Walk,
): void {
  const { report } = walk;
  const { element, type } = property;
  const def = typeDef(type)!;
  if (def.kind === 'primitive') {
    if (value === undefined && twin === undefined) {
      report('structure', path, 'null is not allowed here.');
      return;
    }
    if (twin !== undefined) checkTwin(twin, value !== undefined, type, path, walk);
    if (value === undefined) return;
    const fault = primitiveFault(type, value);
    if (fault) report('value', path, `${type} ${fault}.`);
    else if (element.binding) checkCode(value as string, element.binding, path, report);
    else if (typeof value === 'string' && value.startsWith('#')) walk.local.add(value.slice(1));
    return;
  }
  if (!isJsonObject(value)) {
    report('structure', path, value === null ? 'null is not allowed here.' : 'Must be a JSON object.');
    return;
  }
  if (type === 'Resource') {
    const contained = element.name === 'contained';
    if (contained) checkResource(value, path, walk, def);
    else checkResource(value, path, { ...walk, root: value as Resource, local: new Set() }, undefined);
    return;
  }
  checkObject(value, def, path, walk);
  if (element.binding) checkConcept(value, type, element.binding, path, report);
  if (type === 'Reference') checkReference(value, element, path, walk);
  if (type === 'Extension') checkExtension(value, path, report);
}

/** The id and extensions of a primitive. */
function checkTwin(twin: Json, hasValue: boolean, type: string, path: string, walk: Walk): void {
  if (!isJsonObject(twin)) {
    walk.report('structure', path, 'The _ member of a primitive must be a JSON object.');
    return;
  }
  const { id } = twin;
  if (hasValue && id !== undefined && Object.keys(twin).length === 1) {
    const fault = primitiveFault('string', id);
    if (fault) walk.report('value', `${path}.id`, `string ${fault}.`);
  } else {
    checkObject(twin, typeDef('Element')!, path, walk);
  }
  if (type === 'xhtml' && twin['extension'] !== undefined) {
    walk.report('structure', path, 'xhtml has no extensions.');
  }
}
