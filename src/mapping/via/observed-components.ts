import type { Json, JsonObject } from '../../fhir/types.ts';
import { sameJson, type Codec } from '../codec.ts';
import { isObject } from '../fhir-path.ts';
import { descend } from '../tree-path.ts';
import type { Step } from '../tree.ts';
import type { Observed, ObservedValue } from './observed.ts';
import type { ValueProperty } from './observed-numbers.ts';

/**
 * Several values of OBX-5 <-> `Observation.component`, one each, all with the code of the observation (v2-to-FHIR,
 * message ORU_R01 and segment OBX[Observation-Component]). Read only: a change of one value of several is made at its
 * source.
 */
export function componentsCodec(
  values: ObservedValue,
  code: readonly Step[],
  concept: Codec | undefined,
): Codec {
  const read: Codec['read'] = (obx, run) => {
    const count = values.count(obx);
    if (count < 2) return undefined;
    const said = concept?.read(descend(obx, code), run.quiet);
    const items = Array.from({ length: count }, (_, at) => values.read(obx, at, run))
      .filter((value) => value !== undefined)
      .map((value) => componentOf(value, said));
    return items.length === 0 ? undefined : items;
  };
  return {
    list: true,
    read,
    write: (value, obx, run) => sameJson(value, read(obx, run.quiet)),
  };
}

const ATTACHMENT: ValueProperty = 'valueAttachment';

function componentOf({ property, value }: Observed, code: Json | undefined): JsonObject {
  const kept = isObject(code) ? code : { text: 'value' };
  return property === ATTACHMENT
    ? { code: kept, extension: [attachmentExtension(value)] }
    : { code: kept, [property]: value };
}

/** Extension of FHIR R5 that holds what R4 has no `value[x]` for. */
export const ATTACHMENT_EXTENSION = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value';

function attachmentExtension(value: Json): JsonObject {
  return { url: ATTACHMENT_EXTENSION, valueAttachment: value };
}
