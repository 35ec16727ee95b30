import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { findReferences } from '../fhir/found-references.ts';
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
  /** Whether a label or a consent keeps a resource from the caller: then it is as if it were not there. */
  readonly isWithheld: (resource: Resource) => boolean;
  /** Where what is referred to is read. */
  readonly next: Backend;
  readonly context: RequestContext;
  readonly maxBytes: number;
}

interface Target {
  readonly type: string;
  readonly id: string;
  readonly path: string;
  /** What it is called besides, where it is referred to. */
  readonly identifiers: readonly Json[];
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
 * Refuses content that ties another patient's record to that of the patient in context: each reference to a Patient is
 * to that one, and what else is referred to and belongs to patients is in its compartment. A reference to a type that
 * cannot be read here passes. Nobody is named by an identifier, or by a contained Patient, for whom that is cannot be
 * seen here, and can behind this server; beside a reference an identifier is one of what is referred to, for a system
 * may go by either.
 *
 * @throws FicusError `forbidden` for another Patient, on whatever server, and for what may be one; `value-invalid` for
 *   another's resource, in the words of one that is not there
 */
export async function refuseForeignReferences(resource: Resource, options: ReferenceOptions): Promise<void> {
  const { patient, base, next, context, maxBytes, isWithheld } = options;
  const { contained } = resource;
  const isPatient = (it: Json): boolean => isJsonObject(it) && it['resourceType'] === 'Patient';
  if (Array.isArray(contained) && contained.some(isPatient)) throw unnamed('A contained Patient');
  const named = identifiedIn(resource);
  if (named.some((it) => isOpen(it, base))) throw unnamed('A reference by identifier');
  const targets = targetsOf(resource, named, patient, base);
  if (targets.length > MOST_REFERENCES)
    throw new FicusError('too-costly', `A resource may refer to ${MOST_REFERENCES} others.`);
  const foreign = await mapBounded(targets, READS_AT_ONCE, async (target) =>
    (await isOwn(target)) ? undefined : target,
  );
  const issues = foreign.flatMap((target) => (target ? nothing(target) : []));
  if (issues.length === 0) return;
  throw new FicusError('value-invalid', 'The resource has references that cannot be followed.', { issues });

  /** @throws FicusError `forbidden` for an identifier that is none of its own */
  async function isOwn({ type, id, identifiers }: Target): Promise<boolean> {
    let found: Resource | undefined;
    try {
      const response = await next.handle({ interaction: 'read', type, id, handling: 'lenient' }, context);
      found = await resourceOf(response, maxBytes);
    } catch (error) {
      if (!(error instanceof FicusError)) throw error;
      if (error.code !== 'not-found' && !UNREADABLE.includes(error.code)) throw error;
      if (UNREADABLE.includes(error.code) && identifiers.length === 0) return true;
    }
    const known = found && !isWithheld(found) && inCompartment(found, patient, base) ? found : undefined;
    if (!known && type !== 'Patient') return false;
    const own = list(known?.['identifier']);
    if (identifiers.every((it) => own.some((one) => isSame(one, it)))) return true;
    throw unnamed('An identifier that is none of what is referred to');
  }
}

/** What has to be looked at, each once. @throws FicusError `forbidden` */
function targetsOf(
  resource: Resource,
  named: readonly JsonObject[],
  patient: string,
  base: string,
): readonly Target[] {
  const targets = new Map<string, Target>();
  for (const { reference, path } of findReferences(resource)) {
    const parsed = parseReference(reference);
    if (!parsed || (parsed.kind === 'url' && SEARCHES.test(reference))) throw foreignPatient();
    if (parsed.kind !== 'relative' && parsed.kind !== 'absolute') continue;
    const { type, id } = parsed;
    const here = parsed.kind === 'relative' || parsed.base === base;
    // Another address may be another name of a system behind this one.
    if (type === 'Patient' && (!here || id !== patient)) throw foreignPatient();
    if (!here || kindOf(type) !== 'compartment') continue;
    const beside = named.filter((it) => it['reference'] === reference);
    const known = targets.get(`${type}/${id}`);
    const identifiers = [...(known?.identifiers ?? []), ...beside.map((it) => it['identifier'] ?? null)];
    // Whose id it is is known; what else the patient is called is not.
    if (type === 'Patient' && identifiers.length === 0) continue;
    targets.set(`${type}/${id}`, { type, id, path: known?.path ?? path, identifiers });
  }
  return [...targets.values()];
}

/** Every Reference in it that has an identifier. */
function identifiedIn(value: Json | undefined): readonly JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(identifiedIn);
  if (!isJsonObject(value)) return [];
  const isOne = value['identifier'] !== undefined && Object.keys(value).every((it) => OF_REFERENCE.has(it));
  return [...(isOne ? [value] : []), ...Object.values(value).flatMap(identifiedIn)];
}

/** By system and value, to the letter. */
function isSame(one: Json, other: Json): boolean {
  if (!isJsonObject(one) || !isJsonObject(other)) return false;
  return one['system'] === other['system'] && one['value'] === other['value'];
}

/** Whether it is left to the identifier who or what is meant, where that may be a patient or belong to one. */
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

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function nothing({ path }: Target): Issue {
  return {
    severity: 'error',
    code: 'value',
    diagnostics: 'The reference points at nothing here.',
    expression: [path],
  };
}
