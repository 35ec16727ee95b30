/** A synthetic Patient of about 2 kB. */
function patient(at: number): object {
  return {
    resourceType: 'Patient',
    id: `p${at}`,
    meta: { versionId: '1', lastUpdated: '2026-03-01T10:00:00Z' },
    identifier: Array.from({ length: 4 }, (_, n) => ({ use: 'usual', system: `urn:oid:2.999.1.${n}`, value: `${100_000 + at * 10 + n}` })),
    active: true,
    name: [{ use: 'official', family: 'Muster-Beispiel', given: ['Anna', 'Maria'] }],
    telecom: Array.from({ length: 6 }, (_, n) => ({ system: 'phone', value: `+49 30 5550 ${1000 + n}`, use: 'home', rank: n + 1 })),
    gender: 'female',
    birthDate: '1980-03-14',
    address: Array.from({ length: 4 }, (_, n) => ({ use: 'home', line: [`Musterstraße ${n}`], city: 'Beispielstadt', postalCode: '01234', country: 'DE' })),
    contact: Array.from({ length: 3 }, (_, n) => ({ name: { family: 'Muster', given: [`Kontakt ${n}`] }, telecom: [{ system: 'phone', value: '+49 30 5550 99' }] })),
  }; // prettier-ignore
}

export function patientOf(): Buffer {
  return Buffer.from(JSON.stringify(patient(1)));
}

/** A Bundle of about 200 kB whose entries and links carry the service's base address. */
export function bundleOf(base: string): Buffer {
  const entry = Array.from({ length: 110 }, (_, at) => ({
    fullUrl: `${base}/Patient/p${at}`,
    resource: patient(at),
    search: { mode: 'match' },
  }));
  return Buffer.from(
    JSON.stringify({
      resourceType: 'Bundle',
      type: 'searchset',
      link: [{ relation: 'self', url: `${base}/Patient` }],
      entry,
    }),
  );
}
