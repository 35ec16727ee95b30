import { PARAMETERS } from './parameters.ts';

/** The service's CapabilityStatement. @param date ISO 8601, when the service started */
export function capabilityStatement(base: string, date: string): string {
  return JSON.stringify({
    resourceType: 'CapabilityStatement',
    status: 'active',
    date,
    kind: 'instance',
    implementation: { description: 'Modern observation service of the sandbox', url: base },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        resource: [
          {
            type: 'Observation',
            interaction: ['read', 'vread', 'search-type', 'create', 'update'].map((code) => ({ code })),
            versioning: 'versioned-update',
            updateCreate: true,
            conditionalCreate: true,
            conditionalRead: 'full-support',
            conditionalUpdate: true,
            searchParam: Object.entries(PARAMETERS).map(([name, { type }]) => ({ name, type })),
          },
        ],
      },
    ],
  });
}
