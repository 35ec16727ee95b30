import { TYPES } from './types/index.ts';
import { parametersOf } from './types/type.ts';

/** The service's CapabilityStatement. @param date ISO 8601, when the service started */
export function capabilityStatement(base: string, date: string): string {
  return JSON.stringify({
    resourceType: 'CapabilityStatement',
    status: 'active',
    date,
    kind: 'instance',
    implementation: { description: 'Modern service of the sandbox', url: base },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        resource: TYPES.map((type) => ({
          type: type.name,
          interaction: ['read', 'vread', 'search-type', 'create', 'update'].map((code) => ({ code })),
          versioning: 'versioned-update',
          updateCreate: true,
          conditionalCreate: true,
          conditionalRead: 'full-support',
          conditionalUpdate: true,
          searchParam: Object.entries(parametersOf(type)).map(([name, parameter]) => ({
            name,
            type: parameter.type,
          })),
        })),
      },
    ],
  });
}
