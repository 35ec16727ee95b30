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
  if (!fields) return picked;
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'error') Object.assign(picked, describeError(value));
    else if (allowed.has(name) && value !== undefined && typeof value !== 'object') picked[name] = value;
  }
  return picked;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines: time, level, message, then the allowed fields. */
export function createLogger(options: { readonly level: LogLevel; readonly stream?: Writable }): Logger {
  const root = winston.createLogger({
    level: options.level === 'silent' ? 'error' : options.level,
    silent: options.level === 'silent',
    format: winston.format.combine(winston.format.timestamp({ alias: 'time' }), winston.format.json()),
    transports: [new winston.transports.Stream({ stream: options.stream ?? process.stdout })],
  });
  return bind(root, {});
}

function bind(root: winston.Logger, bound: Record<string, unknown>): Logger {
  const write = (level: string) => (message: string, fields?: LogFields) => {
    if (root.isLevelEnabled(level) && !root.silent) root.log({ level, message, ...bound, ...pick(fields) });
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => bind(root, { ...bound, ...pick(fields) }),
  };
}
