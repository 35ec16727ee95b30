import type { SandboxPatient } from './people.ts';

/** What the authorization server asks of the FHIR API: which id a patient has there, and their latest visit. */
export interface Hospital {
  /** Logical id of a patient. @throws HospitalError */
  idOf(patient: SandboxPatient): Promise<string>;
  /** Logical id of the latest visit of a patient; undefined: there is none. @throws HospitalError */
  latestEncounter(patient: string): Promise<string | undefined>;
}

/**
 * The FHIR API could not be asked. Its words are for pages and programs alike; the names of its parts are those that
 * oidc-provider's errors have.
 */
export class HospitalError extends Error {
  readonly expose = true;
  readonly status = 503;
  readonly statusCode = 503;
  readonly error_description: string;

  constructor(description: string, options?: ErrorOptions) {
    super('temporarily_unavailable', options);
    this.error_description = description;
  }
}

interface Searchset {
  readonly entry?: readonly {
    readonly resource?: { readonly id?: string; readonly resourceType?: string };
  }[];
}

/** Identifier systems of the two authorities of the sandbox. */
const SYSTEMS: Readonly<Record<string, string>> = { HOSP: 'urn:oid:2.999.1.1', CLINIC: 'urn:oid:2.999.1.2' };
const PATIENCE_MS = 10_000;

/**
 * The FHIR API as the patient picker of any record system meets it: over the wire, with a token.
 *
 * @param base of the FHIR API
 * @param token a fresh access token that may read Patients and Encounters
 */
export function createHospital(base: () => string, token: () => Promise<string>): Hospital {
  const known = new Map<string, string>();
  const search = async (type: string, query: Record<string, string>): Promise<string | undefined> => {
    const response = await fetch(`${base()}/${type}?${new URLSearchParams(query).toString()}`, {
      headers: { authorization: `Bearer ${await token()}`, accept: 'application/fhir+json' },
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch((cause: unknown) => {
      throw new HospitalError(`The FHIR API at ${base()} does not answer.`, { cause });
    });
    if (!response.ok)
      throw new HospitalError(`The FHIR API answered ${response.status} to a search for ${type}.`);
    const { entry = [] } = (await response.json()) as Searchset;
    return entry.find(({ resource }) => resource?.resourceType === type)?.resource?.id;
  };
  return {
    async idOf({ authority, mrn }) {
      const identifier = `${SYSTEMS[authority] ?? ''}|${mrn}`;
      const id = known.get(identifier) ?? (await search('Patient', { identifier }));
      if (id === undefined) throw new HospitalError('The FHIR API does not know this patient.');
      known.set(identifier, id);
      return id;
    },
    latestEncounter: (patient) => search('Encounter', { patient, _sort: '-date', _count: '1' }),
  };
}
