/** A FHIR resource as far as the demo looks into it. */
interface DemoResource {
  readonly resourceType: string;
  readonly id: string;
}

interface Bundle {
  readonly entry?: readonly {
    readonly resource: DemoResource;
    readonly search?: { readonly mode: string };
  }[];
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
}

/** A patient of the sandbox, as its control API describes it. */
export interface DemoPatient {
  readonly mrn: string;
  readonly authority: string;
  readonly name: string;
  /** What is special about the record. */
  readonly about: string;
  /** The id that Ficus gives. */
  readonly id: string;
}

const SYSTEMS: Readonly<Record<string, string>> = { HOSP: 'urn:oid:2.999.1.1', CLINIC: 'urn:oid:2.999.1.2' };

async function json<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  if (!response.ok)
    throw new Error(`${init?.method ?? 'GET'} ${new URL(url).pathname} answered ${response.status}`);
  return (await response.json()) as T;
}

const matches = (bundle: Bundle): DemoResource[] =>
  (bundle.entry ?? []).filter((entry) => entry.search?.mode !== 'outcome').map((entry) => entry.resource);

/** The sandbox's patients, each found through Ficus by its number. */
export async function findDemoPatients(controlBase: string, fhirBase: string): Promise<DemoPatient[]> {
  const { patients } = await json<{ patients: Omit<DemoPatient, 'id'>[] }>(`${controlBase}/patients`);
  const found: DemoPatient[] = [];
  for (const listed of patients) {
    const { mrn, authority } = listed;
    const identifier = encodeURIComponent(`${SYSTEMS[authority] ?? ''}|${mrn}`);
    const [patient] = matches(await json<Bundle>(`${fhirBase}/Patient?identifier=${identifier}`));
    if (patient) found.push({ ...listed, id: patient.id });
  }
  return found;
}
