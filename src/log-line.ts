import { FicusError } from './errors.ts';
import type { LogFields } from './ports.ts';

/**
 * Every field a log line may carry. All else is dropped: a body, a name or a query value cannot reach the
 * log by mistake, only by being added here.
 */
const LOG_FIELDS = [
  'ack',
  'address',
  'action',
  'attempt',
  'backend',
  'bytes',
  'by',
  'connections',
  'controlId',
  'count',
  'durationMs',
  'endpoint',
  'errorCode',
  'file',
  'from',
  'hash',
  'host',
  'interaction',
  'kind',
  'limitMs',
  'messageType',
  'method',
  'port',
  'prefix',
  'queued',
  'reason',
  'replyControlId',
  'requestId',
  'resourceType',
  'route',
  'section',
  'servedBy',
  'soapMessageId',
  'stage',
  'state',
  'status',
  'to',
  'version',
] as const;

/** What may be said of an error: its class, code and place. The text only of our own, which is free of patient data. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const code = (error as { code?: unknown }).code;
  return {
    error: error.name,
    ...(typeof code === 'string' ? { errorCode: code } : {}),
    ...(error instanceof FicusError ? { errorText: error.message } : {}),
    // The first line of a stack repeats the message.
    stack: (error.stack ?? '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 8)
      .map((line) => line.trim()),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** Puts what is on the allow-list into `line`. */
export function pick(line: Record<string, unknown>, fields: LogFields | undefined): Record<string, unknown> {
  for (const name in fields) {
    const value = fields[name];
    if (name === 'error') Object.assign(line, describeError(value));
    else if (MEMBERS.has(name) && isPlain(value)) line[name] = value;
  }
  return line;
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Of a Logger that binds nothing: its lines need not be looked through for what is said again. */
export const NOTHING_BOUND: Readonly<Record<string, unknown>> = Object.freeze({});

/** A line as JSON. What is bound and said again is said once, with its last value. */
export function lineOf(
  level: string,
  message: string,
  bound: Readonly<Record<string, unknown>>,
  fields: LogFields | undefined,
): string {
  if (fields && 'error' in fields)
    return JSON.stringify(pick({ time: new Date().toISOString(), level, message, ...bound }, fields));
  // Two of these are written for every request: put together by hand, of few pieces, they cost a tenth.
  let line = timeMember() + headOf(level, message);
  for (const name in bound) {
    const said = fields?.[name];
    line += `,"${name}":${jsonOf(isPlain(said) ? said : bound[name])}`;
  }
  const nothingBound = bound === NOTHING_BOUND;
  for (const name in fields) {
    const value = fields[name];
    const member = isPlain(value) ? MEMBERS.get(name) : undefined;
    if (member !== undefined && (nothingBound || !(name in bound))) line += memberOf(member, value);
  }
  return `${line}}`;
}

/** Fields whose values are names, or as few as those: what was written once is written again as it is. */
const NAMES: ReadonlySet<string> = new Set([
  'ack',
  'backend',
  'endpoint',
  'errorCode',
  'interaction',
  'kind',
  'messageType',
  'method',
  'resourceType',
  'route',
  'servedBy',
  'stage',
  'status',
]);
/** Of one field, and of messages: should they be of any kind after all, no more of them is kept. */
const MOST_KEPT = 300;
/** Characters of a value at most: what a system behind Ficus says in the place of a name may be long. */
const LONGEST_KEPT = 64;

/** A field that may be said. */
interface Member {
  /** How it begins. */
  readonly start: string;
  /** Of a name: the whole of it, by its value. */
  readonly kept: Map<unknown, string> | undefined;
}

const MEMBERS: ReadonlyMap<string, Member> = new Map(
  LOG_FIELDS.map((name) => [
    name,
    { start: `,"${name}":`, kept: NAMES.has(name) ? new Map<unknown, string>() : undefined },
  ]),
);

function memberOf({ start, kept }: Member, value: unknown): string {
  const before = kept?.get(value);
  if (before !== undefined) return before;
  const isLong = typeof value === 'string' && value.length > LONGEST_KEPT;
  if (!kept || kept.size >= MOST_KEPT || isLong) return start + jsonOf(value);
  // A copy: a name that was cut out of a message would keep the whole of that in memory.
  const own: unknown = structuredClone(value);
  const member = start + jsonOf(own);
  kept.set(own, member);
  return member;
}

const heads = new Map<string, Map<string, string>>();

/** Level and message. */
function headOf(level: string, message: string): string {
  let ofLevel = heads.get(level);
  if (!ofLevel) heads.set(level, (ofLevel = new Map()));
  const before = ofLevel.get(message);
  if (before !== undefined) return before;
  const head = `,"level":"${level}","message":${jsonOf(message)}`;
  if (ofLevel.size < MOST_KEPT) ofLevel.set(message, head);
  return head;
}

function jsonOf(value: unknown): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return typeof value === 'string' && !ESCAPED.test(value) ? `"${value}"` : JSON.stringify(value);
}

/** All but printable ASCII without quotation marks and backslashes, which JSON writes as it is. */
const ESCAPED = /[^ !#-[\]-~]/;

let memberOfMoment = '';
let moment = -1;

/** The beginning of a line. Many are of the same millisecond. */
function timeMember(): string {
  const now = Date.now();
  if (now !== moment) {
    memberOfMoment = `{"time":"${new Date(now).toISOString()}"`;
    moment = now;
  }
  return memberOfMoment;
}
