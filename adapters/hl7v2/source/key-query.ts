import { Buffer } from 'node:buffer';
import type { Authority } from '../../../src/mapping/run.ts';
import { authorityCriteria, type Criterion } from './criteria.ts';
import type { Endpoint } from './endpoint.ts';
import type { Envelope } from './envelope.ts';
import { querySegments, writeQuery } from './query.ts';

/** A legacy key, `HOSP|100234`, taken apart. */
export interface LegacyKey {
  readonly authority: Authority;
  readonly number: string;
  /** The whole of it. */
  readonly text: string;
}

export function legacyKey(authority: Authority, number: string): LegacyKey {
  return { authority, number, text: `${authority.name}|${number}` };
}

/** What asks for one resource by its key: the interaction's `_id`. */
export function keyCriteria(
  endpoint: Endpoint,
  { authority, number }: Pick<LegacyKey, 'authority' | 'number'>,
): Criterion[] {
  const param = endpoint.file.params['_id'];
  if (!param?.field) throw new Error(`${endpoint.name}: params name no field for _id`);
  const criteria = [{ field: param.field, value: number }];
  return param.authority === undefined
    ? criteria
    : [...criteria, ...authorityCriteria(param.authority, authority)];
}

/** The query message for a key. */
export type KeyQuery = (endpoint: Endpoint, key: LegacyKey, tag: string, controlId: string) => Buffer;

/** A number that every character set and all delimiters carry as it is. */
const PLAIN = /^[A-Za-z0-9]+$/;

/** The parts of a query's segments: text, and between two of them a value by its name. */
interface Template {
  readonly texts: readonly string[];
  readonly values: readonly ('number' | 'tag' | 'controlId')[];
}

/**
 * Writes queries as `writeQuery` does. All queries of an endpoint for numbers of one authority are the same but for the
 * number, the tag, the control id and the header, so that what is between them is written once.
 */
export function createKeyQuery(envelope: Envelope): KeyQuery {
  const templates = new WeakMap<Endpoint, Map<Authority, Template | undefined>>();

  function templateOf(endpoint: Endpoint, authority: Authority): Template | undefined {
    let known = templates.get(endpoint);
    if (!known) templates.set(endpoint, (known = new Map()));
    if (!known.has(authority)) known.set(authority, compileTemplate(endpoint, authority, envelope));
    return known.get(authority);
  }

  return (endpoint, key, tag, controlId) => {
    const template = PLAIN.test(key.number) ? templateOf(endpoint, key.authority) : undefined;
    if (!template)
      return writeQuery(endpoint, { criteria: keyCriteria(endpoint, key), tag }, envelope, controlId);
    const { texts, values } = template;
    let body = texts[0]!;
    for (const [at, value] of values.entries()) {
      body += value === 'number' ? key.number : value === 'tag' ? tag : controlId;
      body += texts[at + 1]!;
    }
    return Buffer.from(envelope.write(endpoint.request.message, controlId, [body]), 'latin1');
  };
}

/** undefined: the time stands in the query, too. */
function compileTemplate(endpoint: Endpoint, authority: Authority, envelope: Envelope): Template | undefined {
  if (Object.values(endpoint.request.set).some((text) => text.includes('$now'))) return undefined;
  const names = {
    [envelope.mint()]: 'number',
    [envelope.mint()]: 'tag',
    [envelope.mint()]: 'controlId',
  } as const satisfies Record<string, Template['values'][number]>;
  const [number = '', tag = '', controlId = ''] = Object.keys(names);
  const criteria = keyCriteria(endpoint, { authority, number });
  const body = querySegments(endpoint, { criteria, tag }, envelope, controlId).join('\r');
  const pieces = body.split(new RegExp(`(${number}|${tag}|${controlId})`));
  return {
    texts: pieces.filter((_, at) => at % 2 === 0),
    values: pieces.filter((_, at) => at % 2 === 1).map((name) => names[name]!),
  };
}
