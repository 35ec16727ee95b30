import { typeDef } from '../../fhir/elements.ts';

/**
 * Lists whose order says something; those of all other elements are sets to a client (FHIR R4 json.html#list, and each
 * definition).
 */
const ORDERED: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['given', 'prefix', 'suffix'],
  Address: ['line'],
  Composition: ['section'],
  'Composition.section': ['section', 'entry'],
  List: ['entry'],
  Questionnaire: ['item'],
  'Questionnaire.item': ['item', 'answerOption'],
  QuestionnaireResponse: ['item'],
  'QuestionnaireResponse.item': ['item', 'answer'],
  PlanDefinition: ['action'],
  'PlanDefinition.action': ['action'],
  RequestGroup: ['action'],
  'RequestGroup.action': ['action'],
  Bundle: ['entry'],
};

/** Whether the order of a list of a type says something; an element that no definition has keeps its order. */
export function isOrdered(type: string, name: string): boolean {
  if (ORDERED[type]?.includes(name)) return true;
  return !typeDef(type)?.properties.has(name);
}
