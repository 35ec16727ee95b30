import { CARE_FAULTS } from './faults-of-care.ts';
import { MEDICATION_FAULTS } from './faults-of-medication.ts';
import { PERSON_FAULTS } from './faults-of-persons.ts';
import { RESULT_FAULTS } from './faults-of-results.ts';
import type { Fault } from './plant.ts';

/** Every kind of difference that is planted in a resource. */
export const FAULTS: readonly Fault[] = [
  ...RESULT_FAULTS,
  ...PERSON_FAULTS,
  ...MEDICATION_FAULTS,
  ...CARE_FAULTS,
];
