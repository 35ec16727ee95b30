import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { livesOf } from '../../../src/contract/contract.ts';
import { loadContract } from '../../../src/contract/load.ts';
import { ContractError } from '../../../src/contract/problem.ts';
import { MODIFIERS } from '../../../src/search/match.ts';
import { evaluable } from '../../../src/search/parameter.ts';

const root = join(import.meta.dirname, '../../..');
const published = readFileSync(join(root, 'contracts/fhir-r4.yaml'), 'utf8');

function problems(text: string): readonly string[] {
  try {
    loadContract(text, 'contract.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    return error.problems.map((it) => `${it.line ?? '-'} ${it.path}: ${it.message}`);
  }
}

/** What the feed has told of. */
const TOLD = [
  'DiagnosticReport',
  'Specimen',
  'DocumentReference',
  'Condition',
  'Procedure',
  'Immunization',
  'MedicationRequest',
  'Coverage',
  'RelatedPerson',
  'Practitioner',
  'Organization',
  'Location',
] as const;

describe('the published contract', () => {
  const contract = loadContract(published, 'contracts/fhir-r4.yaml');

  it.each([
    ['Patient', ['read', 'vread', 'history', 'search', 'create', 'update']],
    ['Appointment', ['read', 'vread', 'history', 'search', 'create', 'update']],
    ['AllergyIntolerance', ['read', 'vread', 'history', 'search']],
    ['Encounter', ['read', 'vread', 'history', 'search']],
    ['Observation', ['read', 'vread', 'history', 'search', 'create']],
    ['ServiceRequest', ['create']],
    ['AuditEvent', ['read', 'search']],
    ...TOLD.map((type) => [type, ['read', 'vread', 'history', 'search']] as const),
  ] as const)('promises of %s: %s', (type, interactions) => {
    expect(contract.interactions(type)).toEqual(interactions);
    for (const interaction of interactions) expect(contract.promises(type, interaction)).toBe(true);
  });

  it('has the one operation, of Patient', () => {
    const operations = [...contract.resources.values()].map(({ type, operations: all }) => [
      type,
      ...all.keys(),
    ]);
    expect(operations.filter(([, ...names]) => names.length > 0)).toEqual([['Patient', 'everything']]);
    expect(contract.promises('Patient', 'everything')).toBe(true);
    expect(contract.answers('Patient')).toEqual([...contract.interactions('Patient')!, 'everything']);
    expect(livesOf(contract)).toContainEqual({ type: 'Patient.everything', lifecycle: { since: '1.3.0' } });
    expect(livesOf(contract)).toHaveLength(contract.resources.size + 1);
    expect(contract.answers('Observation')).toEqual(contract.interactions('Observation'));
  });

  it('promises nothing else', () => {
    expect(contract.resources.size).toBe(7 + TOLD.length);
    expect(contract.serves('Account')).toBe(false);
    expect(contract.interactions('Account')).toBeUndefined();
    expect(contract.promises('ServiceRequest', 'read')).toBe(false);
    expect(contract.searchParameter('Patient', 'phonetic')).toBeUndefined();
    expect(contract.searchParameter('Account', 'name')).toBeUndefined();
    expect(contract.include('Encounter', 'location')).toBe(false);
  });

  it('gives a search parameter as HL7 defines it, with what is promised of it', () => {
    expect(contract.searchParameter('Observation', 'patient')).toEqual({
      modifiers: ['identifier', 'missing'],
      definition: {
        base: 'Observation',
        code: 'patient',
        type: 'reference',
        definition: 'http://hl7.org/fhir/SearchParameter/clinical-patient',
        expression: 'Observation.subject.where(resolve() is Patient)',
        targets: ['Patient'],
      },
    });
    expect(contract.searchParameter('Patient', '_id')?.definition.base).toBe('Resource');
  });

  it('promises only what the search can evaluate', () => {
    for (const { type, search } of contract.resources.values()) {
      for (const [name, { definition, modifiers }] of search) {
        expect(evaluable(type, name)).toBeDefined();
        const evaluated = ['missing', ...MODIFIERS[definition.type]];
        expect(modifiers.filter((it) => !evaluated.includes(it))).toEqual([]);
      }
    }
  });
});

describe('a contract with faults', () => {
  /** Each file: the contract, a line of dashes, the problems as `line path: message`. */
  const folder = join(root, 'fixtures/fhir/contracts');
  const files = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const);

  it.each(files)('%s is refused with every problem, its path and line', (_name, text) => {
    const [contract = '', expected = ''] = text.split(/^-{5,}\n/m);
    expect(problems(contract)).toEqual(expected.trimEnd().split('\n'));
  });

  it('says so in one message', () => {
    const text = published.replace('family:', 'famly:').replace('version: 1.4.0', 'version: one');
    expect(() => loadContract(text, 'x.yaml')).toThrow(
      /^The contract has 1 problem:\n {2}x\.yaml:\d+ {2}version: /,
    );
    const misspelt = published.replace('      family:', '      famly:');
    expect(() => loadContract(misspelt, 'x.yaml')).toThrow(
      /FHIR R4 has no search parameter famly on Patient/,
    );
  });

  it('is found to be the published one without any', () => {
    expect(parseDocument(published).errors).toEqual([]);
    expect(problems(published)).toEqual([]);
  });
});
