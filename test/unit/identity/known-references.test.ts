import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/fhir/types.ts';
import { knownReferences } from '../../../src/identity/known-references.ts';
import { answer, createContext, createFakeClock, patient } from '../resilience/support.ts';

const publicBase = 'https://ficus.example/fhir/r4';
const layer = knownReferences({
  opener: { key: async (type, id) => (type === 'Patient' && id === 'known' ? 'HOSP|1' : undefined) },
  publicBase,
  minted: (type) => type === 'Patient',
  isKnown: (type, id) => type === 'Patient' && id === 'on-its-way',
});

async function write(references: readonly string[]): Promise<unknown> {
  const resource: Resource = {
    resourceType: 'Observation',
    performer: references.map((reference) => ({ reference })),
  };
  const next = { handle: async () => answer(patient('1')) };
  const request = { interaction: 'create', type: 'Observation', resource, handling: 'lenient' } as const;
  return layer(next).handle(request, createContext(createFakeClock()));
}

describe('the references of a body', () => {
  it.each([
    'Patient/known',
    'Patient/on-its-way',
    `${publicBase}/Patient/known`,
    'Observation/anything',
    'https://elsewhere.example/Patient/1',
    '#contained',
    'urn:uuid:0c4ab0b4-6c0f-4a53-9d12-6a4d7a5c2b11',
  ])('may be %s', async (reference) => {
    await expect(write([reference])).resolves.toMatchObject({ status: 200 });
  });

  it('to types that we mint ids for must open; every one that does not is named', async () => {
    await expect(
      write(['Patient/known', 'Patient/nobody', `${publicBase}/Patient/no-one`]),
    ).rejects.toMatchObject({
      code: 'value-invalid',
      issues: [
        { expression: ['Observation.performer[1].reference'] },
        { expression: ['Observation.performer[2].reference'] },
      ],
    });
  });
});
