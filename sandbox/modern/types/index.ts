import { ALLERGY_INTOLERANCE } from './allergy-intolerance.ts';
import { APPOINTMENT } from './appointment.ts';
import { ENCOUNTER } from './encounter.ts';
import { OBSERVATION } from './observation.ts';
import { PATIENT } from './patient.ts';
import type { ResourceType } from './type.ts';

/** The types that the service keeps. A new one is a file here and its line in this list. */
export const TYPES: readonly ResourceType[] = [
  ALLERGY_INTOLERANCE,
  APPOINTMENT,
  ENCOUNTER,
  OBSERVATION,
  PATIENT,
];
