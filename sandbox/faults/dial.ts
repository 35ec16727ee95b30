import { FAULTS, faultSpec, isPlanted, type FaultName, type WireFault } from './catalogue.ts';
import { PLANTED } from './planted/index.ts';
import { PROTOCOLS, type FaultSpec, type Protocol } from './spec.ts';

/** One fault that is switched on. */
export interface Dial {
  readonly id: string;
  readonly protocol: Protocol;
  /** `QBP^Q22`, `FindAppointments`, `Observation.read`; a trailing `*` stands for the rest. Absent: every operation. */
  readonly operation?: string;
  readonly fault: FaultName;
  /** Parameters of the fault, defaults filled in. */
  readonly parameters: Readonly<Record<string, number | string | boolean>>;
  /** Messages that pass unharmed before it begins. */
  readonly after: number;
  /** How many messages it takes; absent: no limit. */
  readonly count?: number;
  /** Milliseconds it lasts; absent: until removed. */
  readonly durationMs?: number;
  /**
   * Share of the messages it takes, by a seeded sequence; of a planted fault: of the resources, always the same ones.
   */
  readonly percent?: number;
}

/** A dial of the wire: one message goes wrong as a whole. */
export type WireDial = Dial & { readonly fault: WireFault };

export type DialInput = Omit<Dial, 'id'>;

/** What is wrong with a dial, all of it. */
export class DialError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

const COMMON = ['protocol', 'operation', 'fault', 'after', 'count', 'durationMs', 'percent'];

/** Checks a dial as it came over the control API and fills in defaults. Throws DialError with every problem. */
export function parseDial(input: unknown): DialInput {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new DialError(['a dial is a JSON object']);
  }
  const given = input as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  const protocol = PROTOCOLS.find((name) => name === given['protocol']);
  if (!protocol) problems.push(`protocol: one of ${PROTOCOLS.join(', ')}`);
  const fault = given['fault'];
  const spec = typeof fault === 'string' ? faultSpec(fault) : undefined;
  if (!spec) throw new DialError([...problems, `fault: one of ${Object.keys(FAULTS).join(', ')}`]);
  if (protocol && !spec.protocols.includes(protocol)) {
    problems.push(`fault: ${String(fault)} works on ${spec.protocols.join(', ')} only`);
  }
  const operation = given['operation'];
  if (operation !== undefined && typeof operation !== 'string') problems.push('operation: text');
  const limits = { ...readLimits(given, problems), ...readPercent(given, problems) };
  const parameters = readParameters(spec, given, problems);
  const name = fault as FaultName;
  const ofMessages = [operation, limits.count, limits.percent].some((each) => each !== undefined);
  if (name === 'down' && ofMessages) {
    problems.push('down: concerns connections, so it takes durationMs but no operation, count or percent');
  }
  if (name === 'slow') checkDistribution(parameters, problems);
  if (problems.length > 0 || !protocol) throw new DialError(problems);
  return {
    protocol,
    fault: name,
    parameters,
    ...(isPlanted(name) ? { percent: PLANTED[name].percent } : {}),
    ...limits,
    ...(typeof operation === 'string' ? { operation } : {}),
  };
}

function readLimits(
  given: Readonly<Record<string, unknown>>,
  problems: string[],
): { after: number; count?: number; durationMs?: number } {
  const read = (name: string, least: number): number | undefined => {
    const value = given[name];
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value;
    problems.push(`${name}: a whole number of at least ${least}`);
    return undefined;
  };
  const count = read('count', 1);
  const durationMs = read('durationMs', 1);
  return {
    after: read('after', 0) ?? 0,
    ...(count === undefined ? {} : { count }),
    ...(durationMs === undefined ? {} : { durationMs }),
  };
}

function readPercent(given: Readonly<Record<string, unknown>>, problems: string[]): { percent?: number } {
  const percent = given['percent'];
  if (percent === undefined) return {};
  if (typeof percent === 'number' && percent > 0 && percent <= 100) return { percent };
  problems.push('percent: a number above 0, at most 100');
  return {};
}

function readParameters(
  spec: FaultSpec,
  given: Readonly<Record<string, unknown>>,
  problems: string[],
): Record<string, number | string | boolean> {
  const parameters: Record<string, number | string | boolean> = {};
  for (const name of Object.keys(given)) {
    if (!COMMON.includes(name) && !Object.hasOwn(spec.parameters, name))
      problems.push(`${name}: not known here`);
  }
  for (const [name, parameter] of Object.entries(spec.parameters)) {
    const value = given[name] ?? parameter.default;
    if (value === undefined) continue;
    const right =
      parameter.type === 'one-of'
        ? typeof value === 'string' && parameter.values?.includes(value)
        : typeof value === parameter.type &&
          (typeof value !== 'number' || (Number.isFinite(value) && value >= 0));
    if (right) parameters[name] = value as number | string | boolean;
    else problems.push(`${name}: ${parameter.values?.join(' | ') ?? parameter.type}`);
  }
  return parameters;
}

function checkDistribution(parameters: Readonly<Record<string, unknown>>, problems: string[]): void {
  const has = (...names: string[]): boolean => names.every((name) => name in parameters);
  const kinds = [has('delayMs'), has('minMs', 'maxMs'), has('p50Ms', 'p95Ms')].filter(Boolean).length;
  if (kinds !== 1) problems.push('slow: delayMs, or minMs and maxMs, or p50Ms and p95Ms');
  if (has('minMs', 'maxMs') && Number(parameters['minMs']) > Number(parameters['maxMs'])) {
    problems.push('slow: minMs is not above maxMs');
  }
  if (
    has('p50Ms', 'p95Ms') &&
    !(Number(parameters['p50Ms']) > 0 && Number(parameters['p95Ms']) >= Number(parameters['p50Ms']))
  ) {
    problems.push('slow: p50Ms is above 0 and not above p95Ms');
  }
}

export function numberOf(dial: Dial, name: string): number | undefined {
  const value = dial.parameters[name];
  return typeof value === 'number' ? value : undefined;
}

export function textOf(dial: Dial, name: string): string {
  const value = dial.parameters[name];
  return typeof value === 'string' ? value : '';
}

export function isOn(dial: Dial, name: string): boolean {
  return dial.parameters[name] === true;
}
