import type { Clock } from '../ports.ts';
import type { ConsentStore, KeptConsent } from '../privacy-ports.ts';
import type { Consents } from '../security-ports.ts';
import { decideConsent, readConsent } from './consent.ts';
import type { ConsentDecision, ReadConsent } from './consent.ts';

export interface ConsentRegisterOptions {
  readonly store: Pick<ConsentStore, 'load'>;
  readonly clock: Clock;
  /** What holds for a patient without a consent. */
  readonly otherwise: ConsentDecision;
  /** Ids of those who were merged into a patient: what they said holds for it. */
  readonly mergedInto?: (patient: string) => readonly string[];
}

/** Every consent, in memory. */
export interface ConsentRegister extends Consents {
  /** Whether no consent refuses anybody anything. */
  permitAll(): boolean;
  /** The newest version of every consent. */
  all(): readonly KeptConsent[];
  find(id: string): KeptConsent | undefined;
  /** From now on this version counts. */
  take(consent: KeptConsent): void;
}

/** @throws Error for a stored consent that this Ficus cannot enforce: it does not start without it */
export async function openConsentRegister(options: ConsentRegisterOptions): Promise<ConsentRegister> {
  const { store, clock, otherwise, mergedInto = () => [] } = options;
  const kept = new Map<string, KeptConsent>();
  const read = new Map<string, ReadConsent>();
  let byPatient = new Map<string, ReadConsent[]>();
  const take = (consent: KeptConsent): void => {
    const found = readConsent(consent.resource);
    if ('issues' in found)
      throw new Error(`The stored consent ${consent.id} cannot be enforced by this Ficus.`);
    kept.set(consent.id, consent);
    read.set(consent.id, found);
    byPatient = Map.groupBy([...read.values()], ({ patient }) => patient);
  };
  for (const consent of await store.load()) take(consent);
  return {
    decide(patient, access) {
      const own = byPatient.get(patient) ?? [];
      const merged = byPatient.size === 0 ? [] : mergedInto(patient).flatMap((id) => byPatient.get(id) ?? []);
      return decideConsent(patient, [...own, ...merged], access, clock.now(), otherwise);
    },
    permitAll: () => otherwise === 'permit' && read.values().every(({ active }) => !active),
    all: () => [...kept.values()],
    find: (id) => kept.get(id),
    take,
  };
}
