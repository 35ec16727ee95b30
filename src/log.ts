import winston from 'winston';
import { EOL } from 'node:os';
import type { Writable } from 'node:stream';
import { NOTHING_BOUND, lineOf, pick } from './log-line.ts';
import type { LogFields, Logger } from './ports.ts';

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
  return bind(sink, enabled, NOTHING_BOUND);
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
