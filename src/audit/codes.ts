import type { AuditKind } from '../security-ports.ts';

/** A Coding without its display. */
export interface Code {
  readonly system: string;
  readonly code: string;
}

const REST = 'http://terminology.hl7.org/CodeSystem/audit-event-type';
const INTERACTION = 'http://hl7.org/fhir/restful-interaction';
const DICOM = 'http://dicom.nema.org/resources/ontology/DCM';
/** What Ficus tells apart where no standard does: the kinds of its audit entries. */
const OWN = 'urn:ficus:audit-kind';
const ENTITY_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const OBJECT_ROLE = 'http://terminology.hl7.org/CodeSystem/object-role';
const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const BALP = 'https://profiles.ihe.net/ITI/BALP/CodeSystem';

const dicom = (code: string): Code => ({ system: DICOM, code });

/** What has to do with agents and entities (IHE BALP 1.1.4; DICOM PS3.16 CID 400 to 404). */
export const CODES = {
  application: dicom('110150'),
  destination: dicom('110152'),
  source: dicom('110153'),
  recipient: { system: PARTICIPATION, code: 'IRCP' },
  author: { system: PARTICIPATION, code: 'AUT' },
  tokenUser: { system: `${BALP}/UserAgentTypes`, code: 'UserOauthAgent' },
  requestId: { system: `${BALP}/BasicAuditEntityType`, code: 'XrequestId' },
  purpose: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  server: { system: 'http://terminology.hl7.org/CodeSystem/security-source-type', code: '4' },
  person: { system: ENTITY_TYPE, code: '1' },
  systemObject: { system: ENTITY_TYPE, code: '2' },
  other: { system: ENTITY_TYPE, code: '4' },
  patient: { system: OBJECT_ROLE, code: '1' },
  domainResource: { system: OBJECT_ROLE, code: '4' },
  job: { system: OBJECT_ROLE, code: '20' },
  query: { system: OBJECT_ROLE, code: '24' },
  dataSource: { system: OBJECT_ROLE, code: '25' },
} as const;

/** The word for an interaction in http://hl7.org/fhir/restful-interaction, where it is another one. */
const INTERACTIONS: Readonly<Record<string, string>> = {
  search: 'search-type',
  history: 'history-instance',
  everything: 'operation',
};

/** DICOM's event and its subtype for what is no interaction. */
const EVENTS: Readonly<Partial<Record<AuditKind, readonly [type: string, ...subtypes: string[]]>>> = {
  export: ['110106'],
  token: ['110114', '110122'],
  refused: ['110113'],
  'security-alert': ['110113'],
  'break-glass': ['110113', '110127'],
  'break-glass-review': ['110113'],
  'consent-change': ['110113', '110135'],
  'route-change': ['110113', '110131'],
  'mapping-change': ['110113', '110131'],
  'sample-opened': ['110110'],
  'message-opened': ['110110'],
  admin: ['110100'],
  'audit-read': ['110101'],
};

/** DICOM's subtype of a refusal: nobody known, not theirs to use. */
const REFUSALS: Readonly<Record<string, string>> = { unauthenticated: '110126', forbidden: '110132' };

/**
 * AuditEvent.type and subtype. What is no interaction has its kind as one more subtype, so that it can be searched by.
 *
 * @param action of the entry: `Observation.vread`
 */
export function eventOf(
  kind: AuditKind,
  action: string,
  errorCode: string | undefined,
): { readonly type: Code; readonly subtype: readonly Code[] } {
  const verb = action.slice(action.lastIndexOf('.') + 1);
  const interaction = { system: INTERACTION, code: INTERACTIONS[verb] ?? verb };
  const event = EVENTS[kind];
  if (!event) {
    // The standard's code says that it was an operation, not which.
    const operation = kind === 'everything' ? [{ system: OWN, code: kind }] : [];
    return { type: { system: REST, code: 'rest' }, subtype: [interaction, ...operation] };
  }
  const [type, ...subtypes] = event;
  const refusal = kind === 'refused' ? REFUSALS[errorCode ?? ''] : undefined;
  return {
    type: dicom(type),
    subtype: [
      { system: OWN, code: kind },
      ...subtypes.map(dicom),
      ...(refusal === undefined ? [] : [dicom(refusal)]),
      ...(action.startsWith('AuditEvent.') ? [interaction] : []),
    ],
  };
}

/**
 * The kinds whose events may have a type and subtype with this code: what a search is narrowed by. undefined: no
 * telling.
 */
export function kindsOf(code: string): readonly AuditKind[] | undefined {
  const kinds = Object.entries(EVENTS).filter(([kind, codes]) => kind === code || codes.includes(code));
  return kinds.length === 0 ? undefined : kinds.map(([kind]) => kind as AuditKind);
}

const PROFILES = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';
const PROFILED: Readonly<Partial<Record<AuditKind, string>>> = {
  create: 'Create',
  read: 'Read',
  update: 'Update',
  delete: 'Delete',
  query: 'Query',
};

/** The BALP profiles that an event claims: those of an interaction are for what succeeded. */
export function profilesOf(kind: AuditKind, success: boolean, patient: boolean, token: boolean): string[] {
  const profile = success ? PROFILED[kind] : undefined;
  return [
    ...(profile === undefined ? [] : [`${PROFILES}${patient ? 'Patient' : ''}${profile}`]),
    ...(token ? [`${PROFILES}OAUTHaccessTokenUse.Minimal`] : []),
  ];
}
