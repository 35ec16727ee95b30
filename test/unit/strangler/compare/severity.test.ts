import { describe, expect, it } from 'vitest';
import { compileSeverities } from '../../../../src/strangler/compare/severity.ts';
import { rootTrail, step, type Trail } from '../../../../src/strangler/compare/trail.ts';
import { shippedSeverities } from '../../../support/severities.ts';

function trailOf(path: string): Trail {
  const [type = '', ...names] = path.split('.');
  let trail = rootTrail(type);
  for (const name of names) trail = step(trail, name);
  return trail;
}

type Row = Readonly<Record<string, unknown>>;
const table = (...rows: Row[]) => ({ severities: 'test', rows });

describe('a table of severities', () => {
  it.each<[string, Row[], string, string]>([
    [
      'what no row covers is critical',
      [{ path: 'Patient.photo', severity: 'minor' }],
      'Patient.name',
      'critical',
    ],
    [
      'a row covers what is below it',
      [{ path: 'Observation.code', severity: 'major' }],
      'Observation.code.coding.code',
      'major',
    ],
    [
      'the row that reaches deepest wins',
      [
        { path: '*.display', severity: 'minor' },
        { path: 'Observation.code', severity: 'critical' },
      ],
      'Observation.code.coding.display',
      'minor',
    ],
    [
      'of equally deep ones the one that names more',
      [
        { path: 'Observation.valueQuantity.unit', severity: 'minor' },
        { path: 'Quantity.unit', severity: 'critical' },
      ],
      'Observation.valueQuantity.unit',
      'minor',
    ],
    [
      'of alike ones the later',
      [
        { path: 'Patient.name', severity: 'minor' },
        { path: 'Patient.name', severity: 'major' },
      ],
      'Patient.name.family',
      'major',
    ],
    [
      'an ancestor’s row covers its descendants',
      [{ path: 'Resource.identifier', severity: 'major' }],
      'Patient.identifier.value',
      'major',
    ],
    [
      'the type itself goes before its ancestor',
      [
        { path: 'Patient.identifier', severity: 'minor' },
        { path: 'Resource.identifier', severity: 'major' },
      ],
      'Patient.identifier',
      'minor',
    ],
    [
      'a choice by its definition',
      [{ path: 'Observation.value[x]', severity: 'major' }],
      'Observation.valueString',
      'major',
    ],
    [
      'a choice by its JSON name',
      [{ path: 'Observation.valueString', severity: 'major' }],
      'Observation.valueQuantity',
      'critical',
    ],
    [
      'any element in between',
      [{ path: 'Patient.*.use', severity: 'minor' }],
      'Patient.telecom.use',
      'minor',
    ],
    [
      'a data type wherever it stands',
      [{ path: 'Period.end', severity: 'minor' }],
      'Patient.address.period.end',
      'minor',
    ],
  ])('%s', (_name, rows, path, expected) => {
    expect(compileSeverities(table(...rows)).of(trailOf(path), 'changed', undefined)).toBe(expected);
  });

  it('lets a row with a detail go before one with a kind, and that before one with neither', () => {
    const severities = compileSeverities(
      table(
        { path: 'Patient.name.family', severity: 'critical' },
        { path: '*', kind: ['missing', 'changed'], severity: 'major' },
        { path: '*', detail: 'white *', severity: 'minor' },
      ),
    );
    const family = trailOf('Patient.name.family');
    expect(severities.of(family, 'extra', undefined)).toBe('critical');
    expect(severities.of(family, 'changed', undefined)).toBe('major');
    expect(severities.of(family, 'changed', 'white space')).toBe('minor');
  });

  it('goes under the tables that come after it', () => {
    const site = table({ path: 'Patient.telecom', severity: 'critical' });
    expect(shippedSeverities().of(trailOf('Patient.telecom.value'), 'changed', undefined)).toBe('major');
    expect(shippedSeverities(site).of(trailOf('Patient.telecom.value'), 'changed', undefined)).toBe(
      'critical',
    );
  });

  it('is refused with everything that is wrong with it', () => {
    const wrong = table(
      { path: 'Patiend.name', severity: 'minor' },
      { path: 'Observation.valueQuantitty', severity: 'minor' },
      { path: 'Observation.code[x]', severity: 'minor' },
    );
    const formless = table({ path: 'Patient.name', severity: 'noise' }, { path: 'a..b', severity: 'minor' });
    expect(() => compileSeverities(wrong, formless)).toThrow(
      /no type Patiend[^]*no element valueQuantitty[^]*no choice code\[x\][^]*rows\.0\.severity[^]*rows\.1\.path/,
    );
  });

  it('accepts elements below a choice and below an abstract type', () => {
    const rows = ['Observation.value[x].unit', 'Resource.status', 'Element.extension', '*.subject'];
    expect(() =>
      compileSeverities(table(...rows.map((path) => ({ path, severity: 'minor' })))),
    ).not.toThrow();
  });
});

describe('the table that comes with Ficus', () => {
  const severities = shippedSeverities();

  it.each([
    ['Observation.status', 'critical'],
    ['Observation.subject.reference', 'critical'],
    ['Observation.valueQuantity.unit', 'critical'],
    ['Observation.component.valueQuantity.value', 'critical'],
    ['Observation.code.coding.display', 'minor'],
    ['Observation.category.coding.code', 'major'],
    ['Observation.note.text', 'major'],
    ['Patient.identifier.value', 'critical'],
    ['Patient.identifier.assigner.display', 'minor'],
    ['Patient.name.family', 'critical'],
    ['Patient.name.text', 'minor'],
    ['Patient.address.city', 'major'],
    ['Patient.text.div', 'minor'],
    ['Patient.meta.profile', 'minor'],
    ['Patient.meta.security.code', 'major'],
    ['AllergyIntolerance.code.coding.code', 'critical'],
    ['AllergyIntolerance.reaction.severity', 'critical'],
    ['AllergyIntolerance.patient.reference', 'critical'],
    ['Encounter.class.code', 'critical'],
    ['Appointment.start', 'critical'],
    ['ServiceRequest.doNotPerform', 'critical'],
    ['MedicationRequest.dosageInstruction.doseAndRate.doseQuantity.value', 'critical'],
    ['MedicationRequest.modifierExtension.url', 'critical'],
    ['NutritionOrder.status', 'critical'],
    ['NutritionOrder.orderer.reference', 'major'],
  ])('has %s as %s', (path, expected) => {
    expect(severities.of(trailOf(path), 'changed', undefined)).toBe(expected);
  });
});
