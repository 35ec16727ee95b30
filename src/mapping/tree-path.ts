import type { Step, TreeReader, TreeWriter } from './tree.ts';

/** Which kind of paths a map's rows use. */
export type PathSyntax = 'v2' | 'xml';

/**
 * Parses the legacy side of a row into steps below the map's root.
 *
 * `v2` in a segment map: `PID-5`, `PID-5.1.2` (segment, field, component, subcomponent), `PID` (the segment).
 * `v2` in a data type map: `CX.4`, `CX.4.1`, `CX` (the value itself).
 * `xml`: `Name/Given`, `Name/@code`, `.` (the element itself); names are local names.
 *
 * @param root name of the data type, for a data type map.
 * @throws Error saying what is wrong.
 */
export function parseTreePath(path: string, syntax: PathSyntax, root: string | undefined): readonly Step[] {
  return syntax === 'xml'
    ? parseXmlPath(path)
    : root === undefined
      ? parseSegmentPath(path)
      : parseTypePath(path, root);
}

const SEGMENT_PATH = /^([A-Z][A-Z0-9]{2})(?:-(\d+)((?:\.\d+){0,2}))?$/;

function parseSegmentPath(path: string): readonly Step[] {
  const match = SEGMENT_PATH.exec(path);
  if (!match) throw new Error(`${path} is no segment path such as PID-5.1`);
  const [, segment, field, parts] = match;
  return [segment!, ...(field === undefined ? [] : [Number(field)]), ...numbers(parts ?? '')];
}

function parseTypePath(path: string, root: string): readonly Step[] {
  const match = /^([A-Z][A-Z0-9]{1,2})((?:\.\d+){0,2})$/.exec(path);
  if (!match || match[1] !== root)
    throw new Error(`${path} is no path of data type ${root} such as ${root}.1`);
  return numbers(match[2]!);
}

function numbers(parts: string): number[] {
  const steps = parts.split('.').filter(Boolean).map(Number);
  if (steps.includes(0)) throw new Error('fields and components count from 1');
  return steps;
}

const XML_STEP = /^@?[A-Za-z_][\w.-]*$/;

function parseXmlPath(path: string): readonly Step[] {
  if (path === '.') return [];
  const steps = path.split('/');
  const bad = steps.find(
    (step, at) => !XML_STEP.test(step) || (step.startsWith('@') && at < steps.length - 1),
  );
  if (bad !== undefined) throw new Error(`${path} is no element path such as Name/Given or Name/@code`);
  return steps;
}

/** The place at the end of `steps`, first repetitions all the way. */
export function descend(root: TreeReader, steps: readonly Step[]): TreeReader {
  let place = root;
  for (const step of steps) place = place.child(step);
  return place;
}

/** Whether nothing can stand at a place, told without looking below it: a numbered part without even an empty text. */
export function isAbsent(steps: readonly Step[], place: TreeReader): boolean {
  return steps.length > 0 && typeof steps[steps.length - 1] === 'number' && place.text() === undefined;
}

/** As descend, writable. */
export function descendTo(root: TreeWriter, steps: readonly Step[]): TreeWriter {
  let place = root;
  for (const step of steps) place = place.child(step);
  return place;
}

/** One key for a path, to compare paths by prefix: `/PID/5/1/`. */
export function pathKey(steps: readonly Step[]): string {
  return `/${steps.map((step) => `${step}/`).join('')}`;
}
