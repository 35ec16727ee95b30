import type { AuditFact, AuditRecord } from '../audit-ports.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import { factOf, keysOf } from './chain.ts';
import { CODES, eventOf, profilesOf } from './codes.ts';
import type { Code } from './codes.ts';

/** This Ficus, as its events name it. */
export interface AuditSource {
  /** FHIR base address that clients see. */
  readonly publicBase: string;
}

/** FHIR R4 datatypes.html#id; whatever else stands for one is named, not referred to. */
const REFERENCE = /^[A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const WHO =
  /^(?:Practitioner|PractitionerRole|Organization|Device|Patient|RelatedPerson)\/[A-Za-z0-9\-.]{1,64}$/;

/**
 * A record as a FHIR R4 AuditEvent by IHE BALP 1.1.4 in its minimal form: who, when, from where, what was asked, about
 * whom, how it ended, and which messages it took. Never results, never names, never tokens.
 */
export function auditEvent(record: AuditRecord, source: AuditSource): Resource {
  const fact = factOf(record);
  const { kind, action, errorCode, agent, patient } = fact;
  const keys = keysOf(fact);
  const { type, subtype } = eventOf(kind, action, errorCode);
  const profile = profilesOf(
    kind,
    fact.outcome === 'success',
    patient !== undefined,
    agent.tokenId !== undefined,
  );
  return {
    resourceType: 'AuditEvent',
    id: String(record.sequence),
    meta: {
      versionId: '1',
      lastUpdated: fact.recorded,
      ...(profile.length === 0 ? {} : { profile }),
    },
    type: { ...type },
    subtype: subtype.map((one) => ({ ...one })),
    action: keys.action,
    recorded: fact.recorded,
    outcome: keys.outcome,
    ...(errorCode === undefined ? {} : { outcomeDesc: errorCode }),
    ...(agent.purposes ? { purposeOfEvent: agent.purposes.map(purposeOf) } : {}),
    agent: agentsOf(fact, source),
    source: {
      site: source.publicBase,
      observer: { identifier: { value: source.publicBase }, display: 'Ficus' },
      type: [{ ...CODES.server }],
    },
    entity: entitiesOf(fact),
  };
}

const concept = (...codes: readonly Code[]): JsonObject => ({ coding: codes.map((one) => ({ ...one })) });
const purposeOf = (code: string): JsonObject => concept({ system: CODES.purpose, code });

/** Data goes to the client but where it writes; the parameters of a query come from it (BALP, DICOM). */
function comesFromClient({ kind }: AuditFact): boolean {
  return !['read', 'history', 'export', 'audit-read', 'sample-opened', 'message-opened'].includes(kind);
}

function agentsOf(fact: AuditFact, { publicBase }: AuditSource): JsonObject[] {
  const { agent } = fact;
  const sends = comesFromClient(fact);
  const [mine, theirs] = sends ? [CODES.destination, CODES.source] : [CODES.source, CODES.destination];
  const user = userOf(fact);
  return [
    {
      type: concept(theirs, CODES.application),
      who: { identifier: { value: agent.client ?? agent.subject } },
      requestor: user === undefined,
      ...(agent.address === undefined ? {} : { network: { address: agent.address, type: '2' } }),
    },
    {
      type: concept(mine),
      who: { identifier: { value: publicBase }, display: 'Ficus' },
      requestor: false,
      network: { address: publicBase, type: '5' },
    },
    ...(user ? [user] : []),
  ];
}

/**
 * Whoever the token stands for (BALP OAUTHaccessTokenUse.Minimal); who works at Ficus itself has a name without a
 * token.
 */
function userOf({ kind, agent }: AuditFact): JsonObject | undefined {
  const { tokenId, subject, issuer, fhirUser, roles, purposes } = agent;
  if (tokenId === undefined && !roles) return undefined;
  const part = kind === 'create' || kind === 'update' || kind === 'delete' ? CODES.author : CODES.recipient;
  return {
    type: concept(...(tokenId === undefined ? [] : [CODES.tokenUser]), part),
    ...(roles ? { role: roles.map((text) => ({ text })) } : {}),
    who: {
      ...(fhirUser !== undefined && WHO.test(fhirUser) ? { reference: fhirUser } : {}),
      identifier: { ...(issuer === undefined ? {} : { system: issuer }), value: subject },
    },
    requestor: true,
    ...(tokenId === undefined ? {} : { policy: [policyOf(tokenId)] }),
    ...(purposes ? { purposeOfUse: purposes.map(purposeOf) } : {}),
  };
}

/** BALP: the id of a token stands behind this URN (RFC 3553). */
const JTI = 'urn:ietf:params:oauth:jti:';

/** The token's id as a policy: a uri has no blanks. */
export function policyOf(tokenId: string): string {
  return `${JTI}${encodeURIComponent(tokenId)}`;
}

/** The token's id of a policy; undefined: it is none. */
export function tokenIdOf(policy: string): string | undefined {
  if (!policy.startsWith(JTI)) return undefined;
  try {
    return decodeURIComponent(policy.slice(JTI.length));
  } catch {
    return undefined;
  }
}

function entitiesOf(fact: AuditFact): JsonObject[] {
  const { requestId, patient, query, exchanges, servedBy } = fact;
  const data = query === undefined ? dataOf(fact) : [];
  return [
    { what: { identifier: { value: requestId } }, type: { ...CODES.requestId }, ...detailOf(fact) },
    ...(patient === undefined
      ? []
      : [{ what: whatOf(`Patient/${patient}`), type: { ...CODES.person }, role: { ...CODES.patient } }]),
    ...data,
    ...(query === undefined
      ? []
      : [
          {
            type: { ...CODES.systemObject },
            role: { ...CODES.query },
            query,
          },
        ]),
    ...(exchanges ?? []).map(({ backend, messageId, acknowledgement }) => ({
      what: { identifier: { value: messageId } },
      type: { ...CODES.other },
      role: { ...CODES.job },
      detail: [
        text('backend', backend),
        ...(acknowledgement === undefined ? [] : [text('acknowledgement', acknowledgement)]),
      ],
    })),
    ...(servedBy === undefined
      ? []
      : [{ type: { ...CODES.other }, role: { ...CODES.dataSource }, name: servedBy }]),
  ];
}

/** The resources by name; of an interaction that had none yet, its type. */
function dataOf({ references, action, kind }: AuditFact): JsonObject[] {
  const resource = { type: { ...CODES.systemObject }, role: { ...CODES.domainResource } };
  if (references) return references.map((one) => ({ what: whatOf(one), ...resource }));
  const type = action.slice(0, action.indexOf('.'));
  const named = ['create', 'read', 'update', 'delete', 'history'].includes(kind) && type !== '';
  return named ? [{ what: { display: type }, ...resource }] : [];
}

function whatOf(reference: string): JsonObject {
  return REFERENCE.test(reference) ? { reference } : { identifier: { value: reference } };
}

/** The action in Ficus's words, and further facts. */
function detailOf({ action, details }: AuditFact): { readonly detail: Json[] } {
  return {
    detail: [
      text('action', action),
      ...Object.entries(details ?? {}).map(([name, value]) => text(name, value === '' ? '-' : value)),
    ],
  };
}

function text(type: string, value: string): JsonObject {
  return { type, valueString: value };
}
