import { isJsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Config } from '../config/schema.ts';
import type { Clock, Layer } from '../ports.ts';
import type { Reading } from '../projection/search/reading.ts';
import { createBreakGlass } from '../security/break-glass.ts';
import type { BreakGlass } from '../security/break-glass.ts';
import { breakGlassLayer } from '../security/break-glass-layer.ts';
import { openConsentRegister } from '../security/consent-register.ts';
import type { ConsentRegister } from '../security/consent-register.ts';
import { openRevocationRegister } from '../security/revocations.ts';
import type { RevocationRegister } from '../security/revocations.ts';
import { createWithholding } from '../security/withhold.ts';
import type { AuditSink, Withholding } from '../security-ports.ts';
import type { PrivacyStores } from '../store/privacy-stores.ts';

/** What stands between a caller's scopes and what is restricted. */
export interface Privacy {
  readonly stores: PrivacyStores;
  readonly consents: ConsentRegister;
  readonly revocations: RevocationRegister;
  /** Absent with security `open`: everybody sees everything. */
  readonly guard?: {
    readonly withholding: Withholding;
    /** The last step of finding out who calls. */
    readonly breakGlass: BreakGlass;
    /** Writes down what is done under a broken glass. */
    readonly layer: Layer;
  };
}

export interface PrivacyOptions {
  readonly config: Pick<Config, 'security'>;
  readonly stores: PrivacyStores;
  readonly audit: AuditSink;
  readonly clock: Clock;
  /** What the feed has told: who was merged into whom. */
  readonly reading: () => Pick<Reading, 'read'>;
}

/** @throws Error for a stored consent that cannot be enforced */
export async function createPrivacy(options: PrivacyOptions): Promise<Privacy> {
  const { config, stores, audit, clock, reading } = options;
  const { security } = config;
  const consents = await openConsentRegister({
    store: stores.consents,
    clock,
    otherwise: security === 'open' ? 'permit' : security.consent.default,
    mergedInto: (patient) => replacedBy(reading(), patient, new Set([patient])),
  });
  const revocations = await openRevocationRegister({ store: stores.revocations, clock });
  if (security === 'open') return { stores, consents, revocations };
  return {
    stores,
    consents,
    revocations,
    guard: {
      withholding: createWithholding({ labels: security.labels, consents }),
      breakGlass: createBreakGlass(security.breakGlass),
      layer: breakGlassLayer({ cases: stores.glassCases, audit, clock }),
    },
  };
}

/** Everyone whom a patient stands for, as far as the feed has told: `link.type=replaces`, one after the other. */
function replacedBy(reading: Pick<Reading, 'read'>, patient: string, seen: Set<string>): readonly string[] {
  const links = reading.read('Patient', patient)?.resource['link'];
  if (!Array.isArray(links)) return [];
  return links.flatMap((link) => {
    if (!isJsonObject(link) || link['type'] !== 'replaces' || !isJsonObject(link['other'])) return [];
    const { reference } = link['other'];
    const target = typeof reference === 'string' ? parseReference(reference) : undefined;
    if (target?.kind !== 'relative' || target.type !== 'Patient' || seen.has(target.id)) return [];
    seen.add(target.id);
    return [target.id, ...replacedBy(reading, target.id, seen)];
  });
}
