/** A place in a message. All numbers count from 1; what is left out is 1. */
export interface Location {
  readonly segment: string;
  /** Which of the segments of that name. */
  readonly occurrence?: number;
  readonly field: number;
  readonly repetition?: number;
  readonly component?: number;
  readonly subcomponent?: number;
}

const PATH =
  /^([A-Z][A-Z0-9]{2})(?:\[(\d{1,5})\])?-(\d{1,4})(?:\[(\d{1,4})\])?(?:\.(\d{1,4})(?:\.(\d{1,4}))?)?$/;

const parsed = new Map<string, Location>();
const PARSED_LIMIT = 2_000;

/**
 * Reads the text form of a place: `PID-5`, `PID-3[2].4.1`, `OBX[3]-5` (segment and its occurrence, field and its
 * repetition, component, subcomponent).
 * @throws {SyntaxError} on anything else: paths are written by programmers and mapping authors, not by senders.
 */
export function parsePath(path: string): Location {
  const known = parsed.get(path);
  if (known) return known;
  const match = PATH.exec(path);
  if (!match) throw new SyntaxError(`not an HL7v2 path: ${path}`);
  const [, segment = '', occurrence, field, repetition, component, subcomponent] = match;
  const location: Location = {
    segment,
    field: Number(field),
    ...(occurrence === undefined ? {} : { occurrence: Number(occurrence) }),
    ...(repetition === undefined ? {} : { repetition: Number(repetition) }),
    ...(component === undefined ? {} : { component: Number(component) }),
    ...(subcomponent === undefined ? {} : { subcomponent: Number(subcomponent) }),
  };
  const numbers = [
    location.occurrence,
    location.field,
    location.repetition,
    location.component,
    location.subcomponent,
  ];
  if (numbers.includes(0)) throw new SyntaxError(`HL7v2 paths count from 1: ${path}`);
  if (parsed.size >= PARSED_LIMIT) parsed.clear();
  parsed.set(path, location);
  return location;
}

/** The text form of a place, without what is 1 anyway; a component is named where a subcomponent is. */
export function formatPath(location: Location): string {
  const { segment, occurrence = 1, field, repetition = 1, component = 1, subcomponent = 1 } = location;
  const nth = (index: number): string => (index === 1 ? '' : `[${index}]`);
  const inside =
    subcomponent !== 1 ? `.${component}.${subcomponent}` : component !== 1 ? `.${component}` : '';
  return `${segment}${nth(occurrence)}-${field}${nth(repetition)}${inside}`;
}
