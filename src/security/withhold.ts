import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { patientsOfResource } from '../fhir/patient.ts';
import type { Resource } from '../fhir/types.ts';
import type { Access, Consents, Withheld, Withholding } from '../security-ports.ts';
import { confidentialityOf, labelsOfContext, openTo, opens, reachedBy } from './labels.ts';
import type { Confidentiality, LabelRules } from './labels.ts';

export interface WithholdingOptions {
  readonly labels: LabelRules;
  readonly consents: Consents & {
    /** Whether no consent refuses anybody anything. */
    readonly permitAll: () => boolean;
  };
}

/** Without a label to reach anything. */
const NOTHING: ReadonlyMap<string, Confidentiality> = new Map();

/** Keeps back what a label or a consent does not let a caller have. */
export function createWithholding({ labels, consents }: WithholdingOptions): Withholding {
  const ofAnswers = new WeakMap<readonly Resource[], ReadonlyMap<string, Confidentiality>>();
  const contextOf = (together: readonly Resource[]): ReadonlyMap<string, Confidentiality> => {
    let found = ofAnswers.get(together);
    if (!found) ofAnswers.set(together, (found = labelsOfContext(together, labels)));
    return found;
  };
  const byLabel = (
    resource: Resource,
    access: Access,
    context: ReadonlyMap<string, Confidentiality>,
  ): Withheld | undefined => {
    const open = openTo(access, labels);
    const needed = [confidentialityOf(resource, labels), reachedBy(context, resource)];
    if (needed.every((level) => opens(open, level))) return undefined;
    const emergency = openTo({ ...access, purposes: [...access.purposes, 'BTG'] }, labels);
    return { why: 'label', breakGlass: needed.every((level) => opens(emergency, level)) };
  };
  const byConsent = (resource: Resource, access: Access): Withheld | undefined => {
    if (consents.permitAll()) return undefined;
    const said = new Set(patientsOfResource(resource).map((patient) => consents.decide(patient, access)));
    if (said.has('deny')) return { why: 'consent', breakGlass: false };
    return said.has('break-glass') ? { why: 'consent', breakGlass: true } : undefined;
  };
  return {
    of(resource, access, together) {
      const label = byLabel(resource, access, together ? contextOf(together) : NOTHING);
      // What a broken glass does not open by one rule it does not open by the other.
      if (label?.breakGlass === false) return label;
      const consent = byConsent(resource, access);
      return consent && (!label || !consent.breakGlass) ? consent : label;
    },
    nothingFor: (access) => consents.permitAll() && opens(openTo(access, labels), 'V'),
  };
}

/**
 * What every search says to a caller from whom something may be kept back: the same whether there is any or not, so
 * that nobody finds it by asking.
 */
const MAY_BE_SUPPRESSED: Issue = {
  severity: 'information',
  code: 'suppressed',
  diagnostics:
    'What a confidentiality label or a consent keeps from you is not part of this answer, whether there is any or not.',
};

/** To one who may break the glass, and has something behind it: that there is, and how. */
const SUPPRESSED_BEHIND_GLASS: Issue = {
  ...MAY_BE_SUPPRESSED,
  diagnostics:
    'This answer is not all there is: something is left out because of its confidentiality label or a consent. In an emergency: Purpose-Of-Use: BTG with a Break-Glass-Reason.',
};

/** Whether a caller may be told that something was kept back: it may open it here and now. */
export function isBehindGlass(withheld: readonly Withheld[], access: Access): boolean {
  return access.mayBreakGlass && withheld.some((one) => one.breakGlass);
}

/** What a search says of what may be kept back. @param told that something is, and may be opened */
export function suppressedIssue(told: boolean): Issue {
  return told ? SUPPRESSED_BEHIND_GLASS : MAY_BE_SUPPRESSED;
}

const BEHIND_GLASS =
  'This is restricted. In an emergency you may break the glass: ask again with Purpose-Of-Use: BTG and a Break-Glass-Reason of 10 to 500 characters. It is recorded, and somebody reviews it.';

/**
 * How a read of what is kept back is refused: who may break the glass is told so; undefined: it is as if it were not
 * there.
 */
export function refusalOf(withheld: Withheld, access: Access): FicusError | undefined {
  if (!isBehindGlass([withheld], access)) return undefined;
  return new FicusError('forbidden', BEHIND_GLASS, {
    issues: [{ severity: 'error', code: 'suppressed', diagnostics: BEHIND_GLASS }],
  });
}
