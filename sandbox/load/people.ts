/** Somebody whose records are asked for. */
export interface LoadPatient {
  /** The FHIR id. */
  readonly id: string;
  /** `system|value`. */
  readonly identifier: string;
}

const SYSTEMS: Readonly<Record<string, string>> = {
  HOSP: 'urn:oid:2.999.1.1',
  CLINIC: 'urn:oid:2.999.1.2',
};
/** Searches at once: a load generator is not in a hurry before it begins. */
const AT_ONCE = 6;

interface Listed {
  readonly mrn: string;
  readonly authority: string;
}

async function json<T>(url: string, headers: Readonly<Record<string, string>> = {}): Promise<T> {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`GET ${new URL(url).pathname} answered ${response.status}`);
  return (await response.json()) as T;
}

/**
 * The patients that the control API lists, each found over the FHIR API by its number; one that is not found is left
 * out.
 *
 * @param fhirBase and `controlBase`: addresses without a slash at the end
 * @param headers of the searches
 */
export async function findPatients(
  fhirBase: string,
  controlBase: string,
  headers?: Readonly<Record<string, string>>,
): Promise<LoadPatient[]> {
  const { patients } = await json<{ patients: Listed[] }>(`${controlBase}/patients`);
  const found: LoadPatient[] = [];
  const waiting = patients.entries();
  const worker = async (): Promise<void> => {
    for (const [index, { mrn, authority }] of waiting) {
      const identifier = `${SYSTEMS[authority] ?? ''}|${mrn}`;
      const bundle = await json<{ entry?: { resource: { resourceType: string; id: string } }[] }>(
        `${fhirBase}/Patient?identifier=${encodeURIComponent(identifier)}`,
        headers,
      );
      const id = bundle.entry?.find(({ resource }) => resource.resourceType === 'Patient')?.resource.id;
      if (id !== undefined) found[index] = { id, identifier };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found.filter((patient) => patient !== undefined);
}
