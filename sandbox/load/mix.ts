import { mulberry32 } from '../faults/random.ts';
import type { LoadPatient } from './people.ts';

/** One way of asking. A new shape is a row. */
interface Shape {
  readonly endpoint: string;
  /** How often, relative to the others. */
  readonly weight: number;
  /**
   * `{patient}`: FHIR id; `{identifier}`: `system|value`; `{day}`: a day that lies a while back; `{until}`: one later
   * on.
   */
  readonly path: string;
}

/** What applications ask for: mostly results, in many ways; some of the rest of the chart. */
export const SHAPES: readonly Shape[] = [
  { endpoint: 'Observation.search', weight: 18, path: 'Observation?patient={patient}' },
  { endpoint: 'Observation.search', weight: 14, path: 'Observation?patient={patient}&category=laboratory' },
  { endpoint: 'Observation.search', weight: 6, path: 'Observation?patient={patient}&category=vital-signs' },
  {
    endpoint: 'Observation.search',
    weight: 10,
    path: 'Observation?patient={patient}&code=http://loinc.org|14749-6',
  },
  { endpoint: 'Observation.search', weight: 4, path: 'Observation?patient={patient}&code=14749-6,4548-4' },
  { endpoint: 'Observation.search', weight: 8, path: 'Observation?patient={patient}&date=ge{day}' },
  {
    endpoint: 'Observation.search',
    weight: 4,
    path: 'Observation?patient={patient}&date=ge{day}&date=lt{until}',
  },
  {
    endpoint: 'Observation.search',
    weight: 6,
    path: 'Observation?patient={patient}&category=laboratory&date=ge{day}',
  },
  {
    endpoint: 'Observation.search',
    weight: 5,
    path: 'Observation?patient={patient}&code=14749-6&date=ge{day}',
  },
  { endpoint: 'Observation.search', weight: 4, path: 'Observation?patient={patient}&status=final,amended' },
  { endpoint: 'Observation.search', weight: 2, path: 'Observation?patient={patient}&status=amended' },
  {
    endpoint: 'Observation.search',
    weight: 6,
    path: 'Observation?patient={patient}&category=laboratory&_sort=-date',
  },
  { endpoint: 'Observation.search', weight: 3, path: 'Observation?patient={patient}&_sort=date' },
  {
    endpoint: 'Observation.search',
    weight: 3,
    path: 'Observation?patient={patient}&code=14749-6&value-quantity=gt5.6|http://unitsofmeasure.org|mmol/L',
  },
  { endpoint: 'Observation.search', weight: 3, path: 'Observation?patient.identifier={identifier}' },
  {
    endpoint: 'Observation.search',
    weight: 2,
    path: 'Observation?subject=Patient/{patient}&combo-code=8480-6',
  },
  { endpoint: 'Observation.search', weight: 2, path: 'Observation?patient={patient}&_summary=count' },
  { endpoint: 'Appointment.search', weight: 6, path: 'Appointment?patient={patient}' },
  {
    endpoint: 'Appointment.search',
    weight: 2,
    path: 'Appointment?patient={patient}&date=ge{day}&status=booked',
  },
  { endpoint: 'Patient.read', weight: 6, path: 'Patient/{patient}' },
  { endpoint: 'Patient.search', weight: 2, path: 'Patient?identifier={identifier}' },
  { endpoint: 'Encounter.search', weight: 3, path: 'Encounter?patient={patient}' },
  { endpoint: 'AllergyIntolerance.search', weight: 3, path: 'AllergyIntolerance?patient={patient}' },
];

/** A request to read something. */
export interface Read {
  readonly endpoint: string;
  /** Below the FHIR base, with its query. */
  readonly path: string;
  readonly patient: LoadPatient;
}

const DAYS = ['2024-07-01', '2025-01-01', '2025-06-15', '2025-10-26', '2026-03-29'];
const UNTIL = '2026-09-01';

/**
 * An endless, always equal sequence of reads: every patient in turn, the shapes by their weights.
 * @param endpoints only these; empty: all. Throws an Error when no shape is left
 */
export function createReads(
  patients: readonly LoadPatient[],
  endpoints: readonly string[],
  seed: number,
): () => Read {
  const shapes = SHAPES.filter(({ endpoint }) => endpoints.length === 0 || endpoints.includes(endpoint));
  const total = shapes.reduce((sum, { weight }) => sum + weight, 0);
  const [first] = shapes;
  if (!first) throw new Error(`No search shape is known for ${endpoints.join(', ')}`);
  const random = mulberry32(seed);
  const order = shuffled(patients, random);
  let turn = 0;
  return () => {
    const patient = order[turn++ % order.length];
    if (!patient) throw new Error('There are no patients to ask for');
    let left = random() * total;
    const shape = shapes.find(({ weight }) => (left -= weight) < 0) ?? first;
    const day = DAYS[Math.floor(random() * DAYS.length)] ?? UNTIL;
    return { endpoint: shape.endpoint, path: fill(shape.path, { ...patient, day }), patient };
  };
}

function fill(path: string, values: LoadPatient & { readonly day: string }): string {
  const [resource = '', query] = path.split('?');
  const place = (text: string): string =>
    text
      .replace('{patient}', values.id)
      .replace('{identifier}', values.identifier)
      .replace('{day}', values.day)
      .replace('{until}', UNTIL);
  if (query === undefined) return place(resource);
  const pairs = query.split('&').map((pair) => {
    const at = pair.indexOf('=');
    return `${pair.slice(0, at)}=${encodeURIComponent(place(pair.slice(at + 1)))}`;
  });
  return `${place(resource)}?${pairs.join('&')}`;
}

/** Fisher and Yates. */
export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [result[i], result[j]];
    if (a !== undefined && b !== undefined) [result[i], result[j]] = [b, a];
  }
  return result;
}
