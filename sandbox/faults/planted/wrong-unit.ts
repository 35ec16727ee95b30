import { isObject, objects, string, type JsonObject, type Resource } from '../../modern/json.ts';
import type { PlantedFault } from './fault.ts';

/** Glucose in serum, plasma or blood, by LOINC. */
const GLUCOSE = ['14749-6', '15074-8', '2345-7', '2339-0'];
const OTHER: Readonly<Record<string, string>> = { 'mmol/L': 'mg/dL', 'mg/dL': 'mmol/L' };

/** The same number under the label of the other unit. */
function relabelled(quantity: JsonObject): JsonObject {
  const labels = ['unit', 'code'].flatMap((name) => {
    const other = OTHER[string(quantity[name])];
    return other === undefined ? [] : [[name, other] as const];
  });
  return labels.length === 0 ? quantity : { ...quantity, ...Object.fromEntries(labels) };
}

function isGlucose(resource: Resource): boolean {
  return objects(resource['code'])
    .flatMap((concept) => objects(concept['coding']))
    .some((coding) => GLUCOSE.includes(string(coding['code'])));
}

export const wrongUnit: PlantedFault = {
  about: 'glucose: mmol/L is said to be mg/dL and the other way round; the number stays',
  percent: 1,
  resource: (resource) => {
    const quantity = resource['valueQuantity'];
    if (!isObject(quantity) || !isGlucose(resource)) return resource;
    const changed = relabelled(quantity);
    return changed === quantity ? resource : { ...resource, valueQuantity: changed };
  },
};
