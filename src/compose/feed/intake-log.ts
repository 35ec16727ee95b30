import { FicusError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import type { LogFields, Logger } from '../../ports.ts';

/** A log line on its way to the thread that writes the log. */
export interface ToldLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** What of an error the log may need; a clone would lose its class and its code. */
interface ToldError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: unknown;
  /** Whether it is a FicusError. */
  readonly ours: boolean;
  readonly cause: unknown;
}

/** A log whose lines are written elsewhere. @param tell hands a line over; it can be cloned */
export function createToldLog(tell: (line: ToldLine) => void, bound: LogFields = {}): Logger {
  const write =
    (level: ToldLine['level']) =>
    (message: string, fields: LogFields = {}) =>
      tell({ level, message, fields: cloneable({ ...bound, ...fields }) });
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => createToldLog(tell, { ...bound, ...fields }),
  };
}

/** Writes a line that was told. */
export function writeTold(log: Logger, { level, message, fields }: ToldLine): void {
  log[level](message, 'error' in fields ? { ...fields, error: errorOf(fields['error']) } : fields);
}

/** What a line can carry is plain; the log drops all else as well. */
function cloneable(fields: LogFields): LogFields {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'error') kept[name] = toldOf(value);
    else if (typeof value !== 'object' && typeof value !== 'function') kept[name] = value;
  }
  return kept;
}

/** Of what is no error the log says the type. */
function toldOf(error: unknown): ToldError | string | null {
  if (!(error instanceof Error)) return typeof error === 'string' ? '' : null;
  const { name, message, stack, cause } = error;
  const { code } = error as { readonly code?: unknown };
  return {
    name,
    message,
    stack,
    code: typeof code === 'string' ? code : undefined,
    ours: error instanceof FicusError,
    cause: cause === undefined ? undefined : toldOf(cause),
  };
}

function errorOf(told: unknown): unknown {
  if (typeof told !== 'object' || told === null) return told;
  const { name, message, stack, code, ours, cause } = told as ToldError;
  const options = cause === undefined ? {} : { cause: errorOf(cause) };
  const error = ours ? new FicusError(code as ErrorCode, message, options) : new Error(message, options);
  return Object.assign(error, { name, stack }, ours || code === undefined ? {} : { code });
}
