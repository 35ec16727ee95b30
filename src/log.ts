import winston from 'winston';
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

function pick(fields: LogFields | undefined): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name in fields) {
    const value = fields[name];
    if (name === 'error') Object.assign(picked, describeError(value));
    else if (allowed.has(name) && isPlain(value)) picked[name] = value;
  }
  return picked;
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Where winston's transports look for the finished line. */
const LINE = Symbol.for('message');

/** The whole line in one step: a third of what winston's own timestamp and json formats take. */
const jsonLine = winston.format((info) => {
  info[LINE] = JSON.stringify({ time: new Date().toISOString(), ...info });
  return info;
});

/** From the gravest on. */
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LEVELS)[number] | 'silent';

/** JSON lines: time, level, message, then the allowed fields. */
export function createLogger(options: { readonly level: LogLevel; readonly stream?: Writable }): Logger {
  const { level } = options;
  const enabled = new Set(level === 'silent' ? [] : LEVELS.slice(0, LEVELS.indexOf(level) + 1));
  const root = winston.createLogger({
    level: 'debug',
    format: jsonLine(),
    transports: [new winston.transports.Stream({ stream: options.stream ?? process.stdout })],
  });
  return bind(root, enabled, {});
}

function bind(
  root: winston.Logger,
  enabled: ReadonlySet<string>,
  bound: Readonly<Record<string, unknown>>,
): Logger {
  const write = (level: string) => (message: string, fields?: LogFields) => {
    if (enabled.has(level)) root.log({ level, message, ...bound, ...pick(fields) });
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => bind(root, enabled, { ...bound, ...pick(fields) }),
  };
}
