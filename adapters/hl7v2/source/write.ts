import { FicusError, type Issue } from '../../../src/errors.ts';
import type { Json, JsonObject, Resource } from '../../../src/fhir/types.ts';
import type { CompiledMap } from '../../../src/mapping/map-compiler.ts';
import { startRun, type Authority, type Loss } from '../../../src/mapping/run.ts';
import { writeTree } from '../../../src/mapping/run-map.ts';
import { carriedLosses } from '../../../src/mapping/write-loss.ts';
import type { RequestContext, WriteAttempt } from '../../../src/ports.ts';
import type { ByteString } from '../charset.ts';
import type { Message } from '../message.ts';
import { messageTree } from '../tree.ts';
import { readAnswer } from './answer.ts';
import { draftWrite, type Taken } from './compose-write.ts';
import type { Core } from './core.ts';
import { deliver, inDoubt, type AskAfter } from './deliver.ts';
import type { Endpoint } from './endpoint.ts';
import { legacyKey, type LegacyKey } from './key-query.ts';
import { refuseLongLists } from './list-bounds.ts';
import { find, noSuch, parseKey, type Found } from './read.ts';
import { finishSnapshots } from './snapshots.ts';

/** A write endpoint with what it needs of others. */
export interface WriteEndpoint {
  readonly endpoint: Endpoint;
  readonly map: CompiledMap;
  /** Reads what was written: for the answer, and to know when the acknowledgement is missing. */
  readonly reader: Endpoint | undefined;
  /** The authority that new numbers are ours in, and their type (HL7 table 0203). */
  readonly mint: { readonly authority: Authority; readonly type: string | undefined } | undefined;
  readonly copy:
    | { readonly segments: readonly string[]; readonly reader: Endpoint; readonly by: string }
    | undefined;
}

/** What a message is written with. */
interface Writing {
  readonly taken: Taken | undefined;
  readonly core: Core;
  readonly controlId: string;
  readonly leftOut: LeftOut;
}

/** The message of a write, and the resource as the message says it. */
interface Written {
  readonly message: Message;
  readonly said: Resource;
}

/** Told what of a resource is left out; absent: nothing may be. */
export type LeftOut = ((issues: readonly Issue[]) => void) | undefined;

/** A new resource in the core. @throws {FicusError} `unmappable`, naming what the core cannot hold. */
export async function create(
  write: WriteEndpoint,
  resource: Resource,
  core: Core,
  context: RequestContext,
  leftOut: LeftOut,
  attempt: WriteAttempt | undefined,
): Promise<Resource> {
  const { endpoint, reader } = write;
  const doubtful = attempt?.doubtful !== undefined;
  const { numbered, key } = withNumber(resource, write, core, attempt?.writeId);
  const controlId = core.envelope.controlId(attempt?.writeId);
  const compose = async (): Promise<Written> => {
    const { prepared, taken } = await withCopies(numbered, write, core, context);
    return writeMessage(write, prepared, { taken, core, controlId, leftOut });
  };
  const { message, said } = await compose().catch((error: unknown) => {
    // Why it cannot be written now says nothing of an earlier attempt.
    throw doubtful ? inDoubt(error) : error;
  });
  const askAfter: AskAfter<Found> | undefined =
    reader && key && ((deadline) => find(reader, key, core, context, deadline));
  const outgoing = { endpoint, purpose: 'write', controlId, bytes: message.toBytes() } as const;
  const delivered = await deliver(outgoing, askAfter, core, context, attempt?.doubtful);
  const found =
    delivered.how === 'found'
      ? delivered.found.resource
      : (answered(endpoint, delivered.reply, core, context) ?? (await readBack(askAfter, core, context)));
  const id = found?.id ?? (key && `${key.authority.name}|${key.number}`);
  // What an answer about an order leaves out (its patient, its notes) is as it was sent.
  if (write.copy || !found) return { ...said, ...found, ...(id === undefined ? {} : { id }) };
  return found;
}

/**
 * The resource under `key` as it is to be, onto what the core holds. In doubt it is done when the core holds it; else
 * it is sent onto what the core holds now, with the MSH-10 of the earlier attempt as long as that is what it was.
 * @throws {FicusError} `not-found`, `conflict`, `unmappable`.
 */
export async function update(
  write: WriteEndpoint,
  key: string,
  resource: Resource,
  core: Core,
  context: RequestContext,
  leftOut: LeftOut,
  attempt: WriteAttempt | undefined,
): Promise<Resource> {
  const { endpoint, reader, map } = write;
  if (!reader) throw new Error(`${endpoint.name}: an update needs verify`);
  const parsed = parseKey(key, core.run.authorities);
  const current = parsed && (await find(reader, parsed, core, context));
  if (!parsed || !current) throw noSuch(endpoint.type);
  if (current.resource.id !== key)
    throw new FicusError(
      'conflict',
      'The record is kept under another id now, to which its link points. Update that one.',
    );
  const taken = { from: current.message, segments: segmentsOf(current, map.segments) };
  const controlId = core.envelope.controlId(attempt && seedOf(attempt, taken));
  const { message, said } = writeMessage(write, resource, { taken, core, controlId, leftOut });
  const askAfter = async (deadline: number): Promise<Found | undefined> => {
    const now = await find(reader, parsed, core, context, deadline);
    return now && isApplied(said, now.resource, core) ? now : undefined;
  };
  if (attempt?.doubtful && isApplied(said, current.resource, core)) return current.resource;
  if (attempt?.doubtful === 'ask-only') throw inDoubt();
  const outgoing = { endpoint, purpose: 'write', controlId, bytes: message.toBytes() } as const;
  const delivered = await deliver(outgoing, askAfter, core, context, attempt?.doubtful);
  if (delivered.how === 'found') return delivered.found.resource;
  const back = await readBack((deadline) => find(reader, parsed, core, context, deadline), core, context);
  return back ?? { ...said, id: key };
}

/** An update onto another state of the record is another message: a core would refuse it under the same MSH-10. */
function seedOf({ writeId }: WriteAttempt, { segments }: Taken): string {
  return [writeId, ...segments.values()].flat().join('\r');
}

/** Whether the core holds what an update told it. */
function isApplied(said: Resource, held: Resource, core: Core): boolean {
  return carriedLosses(said, held, said.resourceType, [], core.run.timeZone).length === 0;
}

/** The record after an acknowledged write: the write stands even when it cannot be read just now. */
async function readBack(
  askAfter: AskAfter<Found> | undefined,
  core: Core,
  context: RequestContext,
): Promise<Resource | undefined> {
  try {
    return (await askAfter?.(context.deadline))?.resource;
  } catch (error) {
    context.log.warn('what was written could not be read back', { backend: core.name, error });
    return undefined;
  }
}

/** The resource that the acknowledgement itself holds. */
function answered(
  { reads }: Endpoint,
  reply: Message,
  core: Core,
  context: RequestContext,
): Resource | undefined {
  return reads && readAnswer(reads, reply, core.run, context.log).records[0]?.resource;
}

/** The resource with a number of ours, by which it is found again: its own, when its client gave it one. */
function withNumber(
  resource: Resource,
  { mint }: WriteEndpoint,
  core: Core,
  writeId: string | undefined,
): { readonly numbered: Resource; readonly key: LegacyKey | undefined } {
  if (!mint) return { numbered: resource, key: undefined };
  const { authority, type } = mint;
  const given = Array.isArray(resource['identifier']) ? resource['identifier'] : [];
  const own = (given as JsonObject[]).find(({ system }) => system === authority.system)?.['value'];
  if (typeof own === 'string') return { numbered: resource, key: legacyKey(authority, own) };
  const number = core.envelope.mint(writeId);
  const coding = [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: type }];
  const identifier: Json = {
    ...(type === undefined ? {} : { type: { coding } }),
    system: authority.system,
    value: number,
  };
  return { numbered: { ...resource, identifier: [...given, identifier] }, key: legacyKey(authority, number) };
}

/** Reads what the resource refers to and takes its segments over; the reference then says what the core calls it. */
async function withCopies(
  resource: Resource,
  { copy, endpoint }: WriteEndpoint,
  core: Core,
  context: RequestContext,
): Promise<{ readonly prepared: Resource; readonly taken: Taken | undefined }> {
  if (!copy) return { prepared: resource, taken: undefined };
  const expression = [`${endpoint.type}.${copy.by}`];
  const reference = resource[copy.by] as JsonObject | undefined;
  if (!reference)
    throw new FicusError('value-required', `The legacy system needs ${expression[0]}.`, { expression });
  const key = keyOfReference(reference, copy.reader.type, core.run.authorities);
  const found = key && (await find(copy.reader, key, core, context));
  if (!key || !found)
    throw new FicusError('unprocessable', `${expression[0]} is not known to the legacy system.`, {
      expression,
    });
  const { id = '' } = found.resource;
  const own = parseKey(id, core.run.authorities) ?? key;
  const identifier = { system: own.authority.system, value: own.number };
  return {
    prepared: { ...resource, [copy.by]: { reference: `${copy.reader.type}/${id}`, identifier } },
    taken: { from: found.message, segments: segmentsOf(found, copy.segments) },
  };
}

/** The key that a Reference names: by id, or by an identifier of a registered authority. */
function keyOfReference(
  { reference, identifier }: JsonObject,
  type: string,
  authorities: readonly Authority[],
): LegacyKey | undefined {
  if (typeof reference === 'string')
    return reference.startsWith(`${type}/`)
      ? parseKey(reference.slice(type.length + 1), authorities)
      : undefined;
  const { system, value } = (identifier ?? {}) as JsonObject;
  const authority = authorities.find((it) => it.system === system);
  return authority && typeof value === 'string' ? legacyKey(authority, value) : undefined;
}

function segmentsOf(found: Found, names: readonly string[]): Map<string, readonly ByteString[]> {
  return new Map(names.map((name) => [name, found.segments(name)]));
}

/**
 * Runs the map over the message.
 * @throws {FicusError} `unmappable`, an issue for each element that does not come back.
 */
function writeMessage(
  write: WriteEndpoint,
  resource: Resource,
  { taken, core, controlId, leftOut }: Writing,
): Written {
  const { endpoint, map } = write;
  refuseLongLists(resource);
  const { message, order } = draftWrite(endpoint, taken, core.envelope, controlId);
  const tree = messageTree(message, undefined, order);
  const { loss } = writeTree(map, withoutImplied(resource, endpoint), tree, core.run);
  const lost = loss.filter(({ kind }) => kind === 'not-carried');
  if (lost.length > 0 && !leftOut) throw unmappable(lost);
  if (lost.length > 0) leftOut?.(issuesOf(lost, 'warning'));
  const had = taken?.segments.entries().filter(([, segments]) => segments.length > 0);
  finishSnapshots(message, order, endpoint.request, new Set(had?.map(([name]) => name)));
  const said = map.codec.read(tree, startRun(core.run).run) as JsonObject | undefined;
  return { message, said: { resourceType: map.fhirType, ...said } };
}

/** The resource without elements that say what goes without saying. */
function withoutImplied(resource: Resource, { request }: Endpoint): Resource {
  const rest = { ...resource };
  for (const [name, value] of Object.entries(request.implied)) if (rest[name] === value) delete rest[name];
  return rest;
}

function unmappable(losses: readonly Loss[]): FicusError {
  return new FicusError(
    'unmappable',
    'The legacy system cannot hold all of this resource; nothing was written.',
    { issues: issuesOf(losses, 'error') },
  );
}

function issuesOf(losses: readonly Loss[], severity: Issue['severity']): Issue[] {
  return losses.map(({ path, why }) => ({
    severity,
    code: 'not-supported',
    diagnostics: `The legacy system has no place for ${path}${why === undefined ? '' : `: ${why}`}.`,
    expression: [path],
  }));
}
