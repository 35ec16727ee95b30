import winston from 'winston';
import { EOL } from 'node:os';
import type { Writable } from 'node:stream';
import { FicusError } from './errors.ts';
import type { LogFields, Logger } from './ports.ts';

/**
 * Every field a log line may carry. All else is dropped: a body, a name or a query value cannot reach the
 * log by mistake, only by being added here.
 */
export const LOG_FIELDS = [
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

const allowed: ReadonlySet<string> = new Set(LOG_FIELDS);

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
function pick(line: Record<string, unknown>, fields: LogFields | undefined): Record<string, unknown> {
  for (const name in fields) {
    const value = fields[name];
    if (name === 'error') Object.assign(line, describeError(value));
    else if (allowed.has(name) && isPlain(value)) line[name] = value;
  }
  return line;
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Where winston's transports look for the finished line. */
const LINE = Symbol.for('message');

/** From the gravest on. */
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LEVELS)[number] | 'silent';

/** Where text goes. */
interface Sink {
  write(text: string): unknown;
}

/**
 * A sink that hands on the lines of one turn of the event loop together: a write costs more than a line. What is left
 * when the process exits is written then; only a process that is killed loses the lines of its last turn.
 */
export function gatherLines(out: Sink): Sink {
  let lines = '';
  const flush = (): void => {
    const gathered = lines;
    lines = '';
    if (gathered !== '') out.write(gathered);
  };
  process.once('exit', flush);
  return {
    write(line) {
      if (lines === '') setImmediate(flush);
      lines += line;
    },
  };
}

/** winston's transport, as a sink: it finds the finished text where its formats would have left it. */
function transportTo(stream: Writable): Sink {
  const transport = new winston.transports.Stream({ stream, eol: '' });
  return {
    write: (text) => transport.log?.({ level: 'info', message: '', [LINE]: text }, () => {}),
  };
}

let standardOutput: Sink | undefined;

/**
 * JSON lines: time, level, message, then the allowed fields.
 *
 * @param options.stream where they go; default: the standard output
 */
export function createLogger(options: { readonly level: LogLevel; readonly stream?: Writable }): Logger {
  const { level } = options;
  const enabled = new Set(level === 'silent' ? [] : LEVELS.slice(0, LEVELS.indexOf(level) + 1));
  const sink = options.stream
    ? transportTo(options.stream)
    : (standardOutput ??= gatherLines(transportTo(process.stdout)));
  return bind(sink, enabled, {});
}

/** The line is made in one step and handed to the sink: winston's formats and streams would cost four times as much. */
function bind(sink: Sink, enabled: ReadonlySet<string>, bound: Readonly<Record<string, unknown>>): Logger {
  const write = (level: string) => (message: string, fields?: LogFields) => {
    if (!enabled.has(level)) return;
    sink.write(lineOf(level, message, bound, fields) + EOL);
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => bind(sink, enabled, pick({ ...bound }, fields)),
  };
}

/** A line as JSON. What is bound and said again is said once, with its last value. */
function lineOf(
  level: string,
  message: string,
  bound: Readonly<Record<string, unknown>>,
  fields: LogFields | undefined,
): string {
  if (fields && 'error' in fields)
    return JSON.stringify(pick({ time: timeText(), level, message, ...bound }, fields));
  // Two of these are written for every request: put together by hand they cost a third.
  let line = `{"time":"${timeText()}","level":"${level}","message":${jsonOf(message)}`;
  for (const name in bound) {
    const said = fields?.[name];
    line += `,"${name}":${jsonOf(isPlain(said) ? said : bound[name])}`;
  }
  for (const name in fields) {
    const value = fields[name];
    if (isPlain(value) && allowed.has(name) && !(name in bound)) line += `,"${name}":${jsonOf(value)}`;
  }
  return `${line}}`;
}

/** Printable ASCII without quotation marks and backslashes: JSON writes it as it is. */
const AS_IT_IS = /^[ !#-[\]-~]*$/;

function jsonOf(value: unknown): string {
  return typeof value === 'string' && AS_IT_IS.test(value) ? `"${value}"` : JSON.stringify(value);
}

let textOfSecond = '';
let second = -1;

/** Now, as ISO 8601. */
function timeText(): string {
  const now = Date.now();
  const current = Math.floor(now / 1000);
  if (current !== second) {
    textOfSecond = new Date(current * 1000).toISOString().slice(0, -4);
    second = current;
  }
  return `${textOfSecond}${String(now - current * 1000).padStart(3, '0')}Z`;
}
