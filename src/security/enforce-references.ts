import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { findReferences } from '../fhir/found-references.ts';
import type { FoundReference } from '../fhir/found-references.ts';
import { isJsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import type { Backend, RequestContext } from '../ports.ts';
import { resourceOf } from '../search/ask.ts';
import { mapBounded } from '../search/bounded.ts';
import { inCompartment, kindOf } from './compartment.ts';
import { foreignPatient } from './narrow.ts';

export interface ReferenceOptions {
  /** Logical id of the Patient that the content must be about. */
  readonly patient: string;
  /** This server's own base address, without a slash at its end. */
  readonly base: string;
  /** Where what is referred to is read. */
  readonly next: Backend;
  readonly context: RequestContext;
  readonly maxBytes: number;
}

interface Target {
  readonly type: string;
  readonly id: string;
  readonly path: string;
}

const MOST_REFERENCES = 50;
const READS_AT_ONCE = 4;
/** A reference that a server would look for: an address, not a type and an id. */
const SEARCHES = /(^|\/)[A-Z][A-Za-z]+\?/;
/** Members of a Reference: what has others is something else with an identifier. */
const OF_REFERENCE: ReadonlySet<string> = new Set(['id', 'extension', 'reference', 'type', 'identifier', 'display']); // prettier-ignore
/** Nobody can say whose it is. */
const UNREADABLE: readonly string[] = ['not-promised', 'not-implemented', 'method-not-allowed'];

/**
 * Refuses content that ties another patient's record to that of the patient in context: each reference to a Patient is to that one, and what else is referred to and belongs to
 * patients is in its compartment. A reference to a type that cannot be read here passes. Nobody is named by an identifier, or by a contained Patient, for whom that is cannot be seen
 * here, and can behind this server.
 *
 * @throws FicusError `forbidden` for another Patient, on whatever server, and for what may be one; `value-invalid` for another's resource, in the words of one that is not there
 */
export async function refuseForeignReferences(resource: Resource, options: ReferenceOptions): Promise<void> {
  const { patient, base, next, context, maxBytes } = options;
  const { contained } = resource;
  const isPatient = (it: Json): boolean => isJsonObject(it) && it['resourceType'] === 'Patient';
  if (Array.isArray(contained) && contained.some(isPatient)) throw unnamed('A contained Patient');
  if (namesByIdentifier(resource, base)) throw unnamed('A reference by identifier');
  const targets = findReferences(resource).flatMap((found) => targetOf(found, patient, base) ?? []);
  const distinct = new Map(targets.map((target) => [`${target.type}/${target.id}`, target]));
  if (distinct.size > MOST_REFERENCES)
    throw new FicusError('too-costly', `A resource may refer to ${MOST_REFERENCES} others.`);
  const foreign = await mapBounded([...distinct.values()], READS_AT_ONCE, async (target) =>
    (await isOwn(target)) ? undefined : target,
  );
  const issues = foreign.flatMap((target) => (target ? nothing(target) : []));
  if (issues.length === 0) return;
  throw new FicusError('value-invalid', 'The resource has references that cannot be followed.', { issues });

  async function isOwn({ type, id }: Target): Promise<boolean> {
    try {
      const response = await next.handle({ interaction: 'read', type, id, handling: 'lenient' }, context);
      const found = await resourceOf(response, maxBytes);
      return found !== undefined && inCompartment(found, patient, base);
    } catch (error) {
      if (!(error instanceof FicusError)) throw error;
      if (error.code === 'not-found') return false;
      if (UNREADABLE.includes(error.code)) return true;
      throw error;
    }
  }
}

/** What has to be looked at; undefined: nothing. @throws FicusError `forbidden` */
function targetOf({ reference, path }: FoundReference, patient: string, base: string): Target | undefined {
  const parsed = parseReference(reference);
  if (!parsed || (parsed.kind === 'url' && SEARCHES.test(reference))) throw foreignPatient();
  if (parsed.kind !== 'relative' && parsed.kind !== 'absolute') return undefined;
  const { type, id } = parsed;
  const here = parsed.kind === 'relative' || parsed.base === base;
  // Another address may be another name of a system behind this one.
  if (type === 'Patient' && (!here || id !== patient)) throw foreignPatient();
  if (!here || type === 'Patient' || kindOf(type) !== 'compartment') return undefined;
  return { type, id, path };
}

/** Whether a Reference anywhere in it leaves it to an identifier who or what is meant, where that may be a patient or belong to one. */
function namesByIdentifier(value: Json | undefined, base: string): boolean {
  if (Array.isArray(value)) return value.some((it) => namesByIdentifier(it, base));
  if (!isJsonObject(value)) return false;
  const isOne = value['identifier'] !== undefined && Object.keys(value).every((it) => OF_REFERENCE.has(it));
  if (isOne && isOpen(value, base)) return true;
  return Object.values(value).some((it) => namesByIdentifier(it, base));
}

function isOpen({ reference, type }: JsonObject, base: string): boolean {
  const parsed = typeof reference === 'string' ? parseReference(reference) : undefined;
  if (parsed?.kind === 'relative' || (parsed?.kind === 'absolute' && parsed.base === base)) return false;
  const said = parsed?.kind === 'absolute' ? parsed.type : type;
  return typeof said !== 'string' || kindOf(said.slice(said.lastIndexOf('/') + 1)) !== 'shared';
}

function unnamed(what: string): FicusError {
  return new FicusError(
    'forbidden',
    `${what} may be about another patient than that of this token: refer to what is the patient's by its id, and say the type of what is nobody's.`,
  );
}

function nothing({ path }: Target): Issue {
  return {
    severity: 'error',
    code: 'value',
    diagnostics: 'The reference points at nothing here.',
    expression: [path],
  };
}
