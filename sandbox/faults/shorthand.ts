import { PLANTED } from './planted/index.ts';
import { PROTOCOLS, type Protocol } from './spec.ts';

/** What `ficus sandbox dial` calls the services, beside their protocols. */
const SERVICES: Readonly<Record<string, Protocol>> = {
  core: 'mllp',
  clinical: 'soap',
  observations: 'modern',
};
/** What a call takes here while nothing is wrong, in milliseconds: what `--slow 100` multiplies. */
const USUAL_MS = 2;

interface Shorthand {
  /** What stands after the flag, in capitals; in brackets: may be left out. */
  readonly value: string;
  readonly about: string;
  readonly dial: (value: string | undefined) => Readonly<Record<string, unknown>>;
}

/** Flags, by name. A planted fault has one of its own name. */
const SHORTHANDS: Readonly<Record<string, Shorthand>> = {
  ...Object.fromEntries(
    Object.entries(PLANTED).map(([name, { about, percent }]): [string, Shorthand] => [
      name,
      {
        value: '[PERCENT]',
        about: percent < 100 ? `${about}; of ${percent} % of them, if it is not said` : about,
        dial: (value) => ({
          fault: name,
          ...(value === undefined ? {} : { percent: numberOf(name, value) }),
        }),
      },
    ]),
  ),
  slow: {
    value: 'TIMES|250ms|2s',
    about: `so many times the usual ${USUAL_MS} ms, or so much later`,
    dial: (value = '') => ({
      fault: 'slow',
      delayMs: /^[\d.]+$/.test(value) ? numberOf('slow', value) * USUAL_MS : milliseconds('slow', value),
    }),
  },
  '5xx': {
    value: 'PERCENT',
    about: 'so many of a hundred calls are answered with 503',
    dial: (value) => ({ fault: 'status', status: 503, percent: numberOf('5xx', value ?? '') }),
  },
  down: {
    value: '[reset]',
    about: 'refuses connections; reset: accepts and resets them',
    dial: (value) => ({ fault: 'down', ...(value === undefined ? {} : { mode: value }) }),
  },
  hang: { value: '', about: 'reads and never answers', dial: () => ({ fault: 'hang' }) },
  huge: {
    value: 'SIZE',
    about: 'answers with so much, e.g. 50MB',
    dial: (value) => ({ fault: 'oversized', bytes: bytesOf('huge', value ?? '') }),
  },
};

/** Flags that concern all the faults of one command. */
const COMMON: Readonly<Record<string, { readonly value: string; readonly about: string }>> = {
  operation: { value: 'NAME', about: 'only this one, e.g. Observation.search' },
  for: { value: '90s', about: 'so long; until it is cleared if it is not said' },
  count: { value: 'N', about: 'so many messages' },
};

/** Every flag with what it does, a line each. */
export function describeShorthands(): string {
  const all = { ...SHORTHANDS, ...COMMON, clear: { value: '', about: 'all dials of this service off' } };
  return Object.entries(all)
    .map(([name, { value, about }]) => `  ${`--${name} ${value}`.padEnd(34)}${about}`)
    .join('\n');
}

/** What a command asks for: dials to be set, or all of the service off first. */
export interface DialCommand {
  readonly protocol: Protocol;
  readonly clear: boolean;
  /** Bodies of `POST /dials`. */
  readonly dials: readonly Readonly<Record<string, unknown>>[];
}

/**
 * Reads `observations --5xx 30 --for 90s`.
 * @param args what stands after the service. Throws an Error that says what is not understood
 */
export function parseDialCommand(service: string, args: readonly string[]): DialCommand {
  const protocol = SERVICES[service] ?? PROTOCOLS.find((name) => name === service);
  if (!protocol) {
    throw new Error(`There is no service "${service}"; there are ${Object.keys(SERVICES).join(', ')}.`);
  }
  const flags = readFlags(args);
  const common: Record<string, unknown> = {};
  const dials: Readonly<Record<string, unknown>>[] = [];
  let clear = false;
  for (const [name, value] of flags) {
    const shorthand = Object.hasOwn(SHORTHANDS, name) ? SHORTHANDS[name] : undefined;
    if (shorthand) dials.push(shorthand.dial(value));
    else if (name === 'operation') common['operation'] = value ?? '';
    else if (name === 'for') common['durationMs'] = milliseconds('for', value ?? '');
    else if (name === 'count') common['count'] = numberOf('count', value ?? '');
    else if (name === 'clear') clear = true;
    else throw new Error(`--${name} is not known here:\n${describeShorthands()}`);
  }
  return { protocol, clear, dials: dials.map((dial) => ({ protocol, ...dial, ...common })) };
}

/** Flags and what stands after each, if that is no flag. */
function readFlags(args: readonly string[]): [name: string, value: string | undefined][] {
  const flags: [string, string | undefined][] = [];
  for (const arg of args) {
    const last = flags.at(-1);
    const [, name, joined] = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name !== undefined) flags.push([name, joined]);
    else if (last && last[1] === undefined) last[1] = arg;
    else throw new Error(`"${arg}" is not understood; a fault begins with --.`);
  }
  return flags;
}

function numberOf(flag: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`--${flag} takes a number, not "${text}".`);
  return Number(text);
}

/** `250ms`, `90s`, `5m`. */
export function milliseconds(flag: string, text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit];
  if (digits === undefined || factor === undefined)
    throw new Error(`--${flag} takes a time such as 250ms, 90s or 5m, not "${text}".`);
  return Math.round(Number(digits) * factor);
}

function bytesOf(flag: string, text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(kB|MB|GB)?$/i.exec(text) ?? [];
  if (digits === undefined) throw new Error(`--${flag} takes a size such as 50MB, not "${text}".`);
  const factor = { '': 1, kb: 1e3, mb: 1e6, gb: 1e9 }[unit.toLowerCase()] ?? 1;
  return Math.round(Number(digits) * factor);
}
