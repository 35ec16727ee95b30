import { isJsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Json, Resource } from '../fhir/types.ts';
import type { Access } from '../security-ports.ts';

/** Levels of confidentiality (v3-Confidentiality), from the least protected. */
const LEVELS = ['U', 'L', 'M', 'N', 'R', 'V'] as const;
export type Confidentiality = (typeof LEVELS)[number];

const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

/**
 * Systems of labels that say something else than how confidential a thing is: its integrity, what it may be used for,
 * that it is a test.
 */
const OF_ANOTHER_KIND: ReadonlySet<string> = new Set([
  'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  'http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw',
  'http://terminology.hl7.org/CodeSystem/common-tags',
]);

/**
 * Codes of v3-ActCode that say how a thing is to be handled (obligations, refrain policies, compartments), not how
 * sensitive it is.
 */
const HANDLING = new Set(
  `AOD AUDIT AUDTR CPLYCC CPLYCD CPLYCUI CPLYJPP CPLYJSP CPLYOPP CPLYOSP CPLYPOL DECLASSIFYLABEL DEID DELAU DOWNGRDLABEL DRIVLABEL ANONY ENCRYPT ENCRYPTR ENCRYPTT
  ENCRYPTU HUAPRV LABEL MASK MINEC PERSISTLABEL PRIVMARK PSEUD REDACT UPGRDLABEL NOAUTH NOCOLLECT NODSCLCD NODSCLCDS NOINTEGRATE NOLIST NOMOU NOORGPOL NOPAT NOPERSISTP
  NORDSCLCD NORDSCLCDS NORDSCLW NORELINK NOREUSE NOVIP ORCON COMPT ACOCOMPT CTCOMPT FMCOMPT HRCOMPT LRCOMPT PACOMPT RESCOMPT RMGTCOMPT`.split(
    /\s+/,
  ),
);

/**
 * Codes of HL7 v2 tables that are kept as they came: 0177 (confidentiality) and 0272 (document confidentiality, where U
 * is usual control).
 */
const LEGACY: Readonly<Record<string, Confidentiality>> = {
  'http://terminology.hl7.org/CodeSystem/v2-0177|U': 'N',
  'http://terminology.hl7.org/CodeSystem/v2-0177|V': 'V',
  'http://terminology.hl7.org/CodeSystem/v2-0272|U': 'N',
  'http://terminology.hl7.org/CodeSystem/v2-0272|V': 'V',
};

export interface LabelRules {
  /** Purpose of use: the highest confidentiality that it opens. */
  readonly purposes: Readonly<Record<string, Confidentiality>>;
  /** Client id: the highest that it is given whatever its purpose. */
  readonly clients: Readonly<Record<string, Confidentiality>>;
  /** `system|code` of a site's own label: what it means. */
  readonly codes: Readonly<Record<string, Confidentiality>>;
}

const isAbove = (one: Confidentiality, other: Confidentiality): boolean =>
  LEVELS.indexOf(one) > LEVELS.indexOf(other);

function higher(one: Confidentiality, other: Confidentiality): Confidentiality {
  return isAbove(one, other) ? one : other;
}

/** The highest confidentiality that a caller is given. Without a purpose that opens more: normal (N). */
export function openTo(access: Pick<Access, 'purposes' | 'client'>, rules: LabelRules): Confidentiality {
  const byClient = access.client === undefined ? undefined : own(rules.clients, access.client);
  return access.purposes
    .flatMap((purpose) => own(rules.purposes, purpose) ?? [])
    .reduce(higher, higher('N', byClient ?? 'N'));
}

/**
 * How confidential a resource is by its own labels: `meta.security`, `securityLabel` (DocumentReference, Composition
 * has `confidentiality`), and those of what it contains. Without a label: normal. A label that nobody knows is
 * restricted (FHIR R4 security-labels.html#hcs: what is not understood is not given).
 */
export function confidentialityOf(resource: Resource, rules: Pick<LabelRules, 'codes'>): Confidentiality {
  let level: Confidentiality | undefined;
  const add = (coding: Json): void => {
    const found = levelOf(coding, rules.codes);
    if (found) level = level ? higher(level, found) : found;
  };
  const { meta, securityLabel, confidentiality, contained } = resource;
  if (isJsonObject(meta) && Array.isArray(meta['security'])) meta['security'].forEach(add);
  if (Array.isArray(securityLabel)) {
    for (const concept of securityLabel) {
      const codings = isJsonObject(concept) ? concept['coding'] : undefined;
      if (Array.isArray(codings) && codings.length > 0) codings.forEach(add);
      else add({});
    }
  }
  if (typeof confidentiality === 'string') add({ system: CONFIDENTIALITY, code: confidentiality });
  if (Array.isArray(contained)) {
    for (const inner of contained) {
      if (!isJsonObject(inner)) continue;
      const found = confidentialityOf(inner as Resource, rules);
      if (isAbove(found, 'N')) level = level ? higher(level, found) : found;
    }
  }
  return level ?? 'N';
}

/** Undefined: the label does not speak of confidentiality. */
function levelOf(coding: Json, codes: LabelRules['codes']): Confidentiality | undefined {
  const { system, code } = isJsonObject(coding) ? coding : {};
  if (typeof system !== 'string' || typeof code !== 'string') return 'R';
  const key = `${system}|${code}`;
  const known = own(codes, key) ?? own(LEGACY, key);
  if (known) return known;
  if (system === CONFIDENTIALITY) return LEVELS.find((level) => level === code) ?? 'R';
  if (OF_ANOTHER_KIND.has(system) || (system === ACT_CODE && HANDLING.has(code))) return undefined;
  return 'R';
}

/** Labels of Encounters and Patients that leave together reach what refers to them. */
export function labelsOfContext(
  together: readonly Resource[],
  rules: Pick<LabelRules, 'codes'>,
): ReadonlyMap<string, Confidentiality> {
  const labels = new Map<string, Confidentiality>();
  for (const resource of together) {
    const { resourceType, id } = resource;
    if ((resourceType !== 'Encounter' && resourceType !== 'Patient') || id === undefined) continue;
    const level = confidentialityOf(resource, rules);
    if (isAbove(level, 'N')) labels.set(`${resourceType}/${id}`, level);
  }
  return labels;
}

/** How confidential a resource is by the visit and the patient that it belongs to, as far as their labels are known. */
export function reachedBy(labels: ReadonlyMap<string, Confidentiality>, resource: Resource): Confidentiality {
  if (labels.size === 0) return 'N';
  const { encounter, context, subject, patient } = resource;
  const documented = isJsonObject(context) ? context['encounter'] : undefined;
  return [encounter, context, documented, subject, patient]
    .flat()
    .flatMap((reference) => (reference === undefined ? [] : (labels.get(targetOf(reference)) ?? [])))
    .reduce<Confidentiality>(higher, 'N');
}

function targetOf(reference: Json): string {
  const text = isJsonObject(reference) ? reference['reference'] : undefined;
  const parsed = typeof text === 'string' ? parseReference(text) : undefined;
  return parsed?.kind === 'relative' || parsed?.kind === 'absolute' ? `${parsed.type}/${parsed.id}` : '';
}

/** Whether a caller who is given `open` gets what is `level`. */
export function opens(open: Confidentiality, level: Confidentiality): boolean {
  return !isAbove(level, open);
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
