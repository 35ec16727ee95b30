import { binding } from '../../../src/fhir/bindings.ts';
import { RESOURCE_TYPES, typeDef, type ElementDef } from '../../../src/fhir/elements.ts';
import type { Json, JsonObject, Resource } from '../../../src/fhir/types.ts';

/** Deterministic pseudo-random numbers in [0, 1): mulberry32. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const PRIMITIVES: Readonly<Record<string, readonly Json[]>> = {
  base64Binary: ['aGVsbG8='],
  boolean: [true, false],
  canonical: ['http://example.org/fhir/StructureDefinition/a|1.0'],
  code: ['alpha', 'beta'],
  date: ['1980', '1980-03', '1980-03-14'],
  dateTime: ['2020', '2020-02-29', '2020-02-29T10:11:12Z', '2020-02-29T10:11:12.345+02:00'],
  decimal: [0, 1.25, -3, 1e-7],
  id: ['a1', 'b-2.c'],
  instant: ['2020-02-29T10:11:12Z', '2021-01-01T00:00:00.000-05:00'],
  integer: [0, 7, -12],
  markdown: ['Some *text*'],
  oid: ['urn:oid:1.2.3'],
  positiveInt: [1, 99],
  string: ['Müller', 'O Neil | Sons', '山田'],
  time: ['10:11:12'],
  unsignedInt: [0, 42],
  uri: ['http://example.org/a', 'urn:oid:1.2.3'],
  url: ['http://example.org/u'],
  uuid: ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520'],
  xhtml: ['<div xmlns="http://www.w3.org/1999/xhtml"><p>x</p></div>'],
};

/** Where one value must not be any of the type: what a test wants to see selected. */
const PREFERRED: Readonly<Record<string, readonly Json[]>> = {
  'ContactPoint.system': ['phone', 'email', 'fax'],
  'RelatedArtifact.type': ['composed-of', 'depends-on', 'derived-from', 'predecessor', 'successor'],
};

/**
 * A structurally valid resource of a type: what is required always, what is optional by `density` (0 to 1).
 * The same seed gives the same resource.
 */
export function randomResource(type: string, seed: number, density = 0.6): Resource {
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;

  const value = (typeName: string, element: ElementDef, owner: string, depth: number): Json => {
    const preferred = PREFERRED[`${owner}.${element.name}`];
    if (preferred) return pick(preferred);
    if (typeName === 'code' && element.binding)
      return pick([...binding(element.binding).values()].flatMap((it) => [...it]));
    const primitive = PRIMITIVES[typeName];
    if (primitive) return pick(primitive);
    if (typeName === 'Resource') return { resourceType: 'Basic', id: 'x', code: { text: 'c' } };
    if (typeName === 'Reference') {
      const target = pick(element.targets ?? RESOURCE_TYPES);
      return pick<Json>([
        { reference: `${target}/r-${Math.floor(next() * 9)}` },
        { reference: `https://fhir.example.org/base/${target}/r9`, display: 'There' },
        { type: target, identifier: { system: 'urn:oid:1.2.3', value: '9' } },
      ]);
    }
    if (typeName === 'Extension') return { url: 'http://example.org/extension', valueString: 'e' };
    if (element.binding && (typeName === 'Coding' || typeName === 'CodeableConcept')) {
      const [system, codes] = pick([...binding(element.binding)]);
      const coding = { system, code: pick([...codes]) };
      return typeName === 'Coding' ? coding : { coding: [coding] };
    }
    return object(typeName, depth + 1);
  };

  const object = (typeName: string, depth: number): JsonObject => {
    const made: JsonObject = {};
    const elements = [...typeDef(typeName)!.elements.values()].filter(
      (it) => !['id', 'contained', 'implicitRules', 'modifierExtension'].includes(it.name),
    );
    const fill = (element: ElementDef): void => {
      const chosen = pick(element.types);
      const name = element.choice ? element.name + chosen[0]!.toUpperCase() + chosen.slice(1) : element.name;
      if (element.max > 1) {
        const count = 1 + Math.floor(next() * 2);
        made[name] = Array.from({ length: count }, () => value(chosen, element, typeName, depth));
      } else {
        made[name] = value(chosen, element, typeName, depth);
      }
    };
    for (const element of elements) {
      const wanted = element.name === 'extension' ? next() < 0.05 : next() < density / (1 + depth * 0.5);
      if (element.min > 0 || (depth < 4 && wanted)) fill(element);
    }
    if (Object.keys(made).length === 0) {
      fill(elements.find((it) => it.types.some((name) => PRIMITIVES[name])) ?? pick(elements));
    }
    return made;
  };

  const body = object(type, 0);
  return { resourceType: type, id: `r-${seed}`, ...body };
}
