import type { Codec } from '../codec.ts';
import type { ViaEnvironment } from '../via-environment.ts';
import { componentsCodec } from './observed-components.ts';
import { contentTypeCodec, describedCodec, ED_DATA, encapsulatedCodec, OCTETS } from './attachment.ts';
import { observedCodec, observedValue, type ObservedValue } from './observed.ts';
import type { ValueProperty } from './observed-numbers.ts';
import { referenceRangeCodec } from './reference-range.ts';
import { quantityCodec, type UnitPaths } from './units.ts';

/**
 * The pairs for OBX: `with` names OBX-2 (`type`), OBX-5 (`value`) and the parts of OBX-6 (`code`, `text`, `system`).
 */
export const OBSERVATION_VIA: Readonly<Record<string, (environment: ViaEnvironment) => Codec>> = {
  'obx-quantity': (environment) => valueCodec(environment, 'valueQuantity'),
  'obx-range': (environment) => valueCodec(environment, 'valueRange'),
  'obx-ratio': (environment) => valueCodec(environment, 'valueRatio'),
  'obx-string': (environment) => valueCodec(environment, 'valueString'),
  'obx-concept': (environment) => valueCodec(environment, 'valueCodeableConcept'),
  'obx-date-time': (environment) => valueCodec(environment, 'valueDateTime'),
  'obx-time': (environment) => valueCodec(environment, 'valueTime'),
  'obx-period': (environment) => valueCodec(environment, 'valuePeriod'),
  'obx-attachment': (environment) => valueCodec(environment, 'valueAttachment'),
  'obx-components': (environment) =>
    componentsCodec(valuesOf(environment), environment.path('observation'), conceptOf(environment)),
  'obx-content-type': ({ path }) =>
    encapsulatedCodec(path('type'), path('value'), contentTypeCodec(2, OCTETS)),
  'obx-data': ({ path }) => encapsulatedCodec(path('type'), path('value'), ED_DATA),
  'reference-range': (environment) =>
    referenceRangeCodec(
      { range: environment.path('range'), type: environment.path('type'), units: unitsOf(environment) },
      environment.codes('coding-systems'),
    ),
  quantity: (environment) =>
    quantityCodec(environment.path('value'), unitsOf(environment), environment.codes('coding-systems')),
};

function valueCodec(environment: ViaEnvironment, property: ValueProperty): Codec {
  return observedCodec(valuesOf(environment), property);
}

function valuesOf(environment: ViaEnvironment): ObservedValue {
  const { path, codes, map } = environment;
  return observedValue(
    { type: path('type'), value: path('value'), units: unitsOf(environment) },
    {
      concept: conceptOf(environment),
      period: map('DR <-> Period')?.codec,
      file: describedCodec(2, undefined),
      pointer: describedCodec(3, 1),
      systems: codes('coding-systems'),
    },
  );
}

function conceptOf({ map }: ViaEnvironment): Codec | undefined {
  return map('CWE <-> CodeableConcept')?.codec;
}

function unitsOf({ path }: ViaEnvironment): UnitPaths {
  return { code: path('code'), text: path('text'), system: path('system') };
}
