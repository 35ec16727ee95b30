import { FicusError } from '../../../src/errors.ts';
import type { JsonObject, Resource } from '../../../src/fhir/types.ts';
import type { Authority } from '../../../src/mapping/run.ts';
import type { RequestContext } from '../../../src/ports.ts';
import type { Message } from '../message.ts';
import { readOrRecall, type Record } from './answer.ts';
import { checkTag, type Core } from './core.ts';
import type { LegacyKey } from './key-query.ts';
import type { Endpoint } from './endpoint.ts';
import type { Reply } from './line.ts';

/** A record, and the answer that it was read from. */
export interface Found extends Record {
  readonly message: Message;
}

/** @returns undefined for a key whose authority is not registered. */
export function parseKey(key: string, authorities: readonly Authority[]): LegacyKey | undefined {
  const bar = key.indexOf('|');
  const authority = authorities.find(({ name }) => name === key.slice(0, bar));
  const number = key.slice(bar + 1);
  return bar < 1 || !authority || number === '' ? undefined : { authority, number, text: key };
}

/**
 * The record with a number, or undefined when the core has none. Of several records the one whose own number it is; a
 * number that a record has besides (merged away, or of another authority) finds that record, under the record's own
 * key.
 */
export async function find(
  endpoint: Endpoint,
  key: LegacyKey,
  core: Core,
  context: RequestContext,
  deadline?: number,
): Promise<Found | undefined> {
  const { envelope, line } = core;
  const tag = envelope.mint();
  const controlId = envelope.controlId();
  const bytes = core.keyQuery(endpoint, key, tag, controlId);
  const timing = deadline === undefined ? {} : { deadline };
  let reply: Reply;
  try {
    reply = await line.send({ endpoint, purpose: 'read', controlId, bytes, ...timing }, context);
  } catch (error) {
    if (error instanceof FicusError && error.code === 'not-found') return undefined;
    throw error;
  }
  if (reply.empty || !endpoint.reads) return undefined;
  const { message } = reply;
  checkTag(message, tag);
  const own = key.text;
  const { records } = readOrRecall(endpoint.reads, message, own, core.run, context.log);
  const record =
    records.find(({ resource }) => resource.id === own) ??
    records.find(({ resource }) => identifierOf(resource, key));
  return record && { ...record, message };
}

/** The resource with the id `key`. @throws {FicusError} `not-found`. */
export async function read(
  endpoint: Endpoint,
  key: string,
  core: Core,
  context: RequestContext,
): Promise<Resource> {
  const parsed = parseKey(key, core.run.authorities);
  const found = parsed && (await find(endpoint, parsed, core, context));
  if (!parsed || !found) throw noSuch(endpoint.type);
  return found.resource.id === key ? found.resource : alias(found.resource, key, parsed);
}

export function noSuch(type: string): FicusError {
  return new FicusError('not-found', `There is no ${type} with this id.`);
}

/** The identifier of a resource that is this number. */
function identifierOf(resource: Resource, { authority, number }: LegacyKey): JsonObject | undefined {
  const list = resource['identifier'];
  if (!Array.isArray(list)) return undefined;
  return (list as JsonObject[]).find(({ system, value }) => system === authority.system && value === number);
}

/**
 * A Patient asked for by another of its numbers: its content under the id that was asked for, with a link to the record
 * itself. A number that has ended (CX.8) was merged away: `replaced-by`, and not active (FHIR R4 patient.html#merge).
 */
function alias(resource: Resource, id: string, key: LegacyKey): Resource {
  if (resource.resourceType !== 'Patient') throw noSuch(resource.resourceType);
  const period = identifierOf(resource, key)?.['period'] as JsonObject | undefined;
  const merged = period?.['end'] !== undefined;
  const links = Array.isArray(resource['link']) ? resource['link'] : [];
  const other = { reference: `Patient/${resource.id}` };
  return {
    ...resource,
    id,
    ...(merged ? { active: false } : {}),
    link: [...links, { other, type: merged ? 'replaced-by' : 'refer' }],
  };
}
