import { FicusError } from '../../errors.ts';
import type { MessageFilter, MessageState, ParkReason } from '../../feed-ports.ts';
import type { Feed } from './feed.ts';
import { wholeNumber } from './following-desk.ts';

const STATES: Readonly<Record<MessageState, true>> = {
  waiting: true,
  processed: true,
  duplicate: true,
  superseded: true,
  parked: true,
  rejected: true,
};
const REASONS: Readonly<Record<ParkReason, true>> = {
  'decode-error': true,
  malformed: true,
  'not-supported': true,
  'not-allowed': true,
  'control-id-reused': true,
  'out-of-sequence': true,
  'unknown-authority': true,
  'mapping-needed': true,
  failed: true,
};

/** Messages asked for at once at most: what more there is, is had by asking again. */
const MOST = 10_000;

/**
 * Which messages are asked for. A state, a reason or an interface that there is not finds nothing for ever: it is
 * refused.
 *
 * @param limit most messages when nothing is said
 * @throws FicusError `invalid`
 */
export function filterOf(
  query: Readonly<Record<string, string>>,
  limit: number,
  feed: Pick<Feed, 'ports' | 'ledger'>,
): MessageFilter {
  const { state, source, type, controlId, reason, after, limit: asked } = query;
  return {
    ...(state === undefined ? {} : { states: state.split(',').map((one) => known('state', one, STATES)) }),
    ...(source === undefined ? {} : { source: sourceOf(source, feed) }),
    ...(type === undefined ? {} : { type }),
    ...(controlId === undefined ? {} : { controlId }),
    ...(reason === undefined ? {} : { reason: known('reason', reason, REASONS) }),
    ...(after === undefined ? {} : { after: wholeNumber('after', after) }),
    ...(query['newestFirst'] === 'true' ? { newestFirst: true } : {}),
    limit: asked === undefined ? limit : Math.min(MOST, wholeNumber('limit', asked)),
  };
}

function known<Name extends string>(
  parameter: string,
  text: string,
  names: Readonly<Record<Name, true>>,
): Name {
  const name = text.trim();
  if (Object.hasOwn(names, name)) return name as Name;
  throw unknown(parameter, Object.keys(names));
}

/** Interfaces of before, which the configuration does not name any more, have messages still. */
function sourceOf(source: string, { ports, ledger }: Pick<Feed, 'ports' | 'ledger'>): string {
  if (Object.hasOwn(ports, source)) return source;
  const all = new Set([...Object.keys(ports), ...ledger.figures().interfaces.map((one) => one.source)]);
  if (all.has(source)) return source;
  throw unknown('interface', [...all]);
}

function unknown(parameter: string, names: readonly string[]): FicusError {
  return new FicusError('invalid', `There is no such ${parameter}. There are: ${names.join(', ')}.`);
}
