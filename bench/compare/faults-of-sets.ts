import type { Resource } from '../../src/fhir/types.ts';
import { edited } from './edit.ts';
import { ANOTHER, to, type SetFault } from './plant.ts';

const without = (resources: readonly Resource[], at: number): Resource[] =>
  resources.filter((_, index) => index !== at);

export const SET_FAULTS: readonly SetFault[] = [
  {
    name: 'entry dropped',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set, random) => ({ ...set, matches: without(set.matches, random.below(set.matches.length)) }),
  },
  {
    name: 'entry doubled',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set, random) => ({ ...set, matches: [...set.matches, random.pick(set.matches)] }),
  },
  {
    name: 'another patient’s entry',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set) => ({
      ...set,
      matches: [...set.matches, { ...set.matches[0]!, id: 'foreign', subject: { reference: ANOTHER } }],
    }),
  },
  {
    name: 'entry replaced by another',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set) => ({ ...set, matches: [{ ...set.matches[0]!, id: 'replaced' }, ...set.matches.slice(1)] }),
  },
  {
    name: 'no entries at all',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set) => ({ ...set, matches: [] }),
  },
  {
    name: 'unit changed in one entry',
    path: 'Observation.valueQuantity.unit',
    severity: 'critical',
    plant: (set) => ({
      ...set,
      matches: set.matches.with(1, edited(set.matches[1]!, 'valueQuantity.unit', to('mg/dL'))),
    }),
  },
  {
    name: 'values of two entries swapped',
    path: 'Observation.identifier.value',
    severity: 'critical',
    plant: (set) => {
      const [first, second, ...rest] = set.matches;
      return { ...set, matches: [{ ...first!, id: second!.id! }, { ...second!, id: first!.id! }, ...rest] };
    },
  },
  {
    name: 'total changed',
    path: 'Bundle.total',
    severity: 'major',
    plant: (set) => ({ ...set, total: (set.total ?? 0) + 1 }),
  },
  {
    name: 'included resource dropped',
    path: 'Bundle.entry',
    severity: 'major',
    plant: (set) => ({ ...set, included: [] }),
  },
  {
    name: 'sorted entries in another order',
    path: 'Bundle.entry',
    severity: 'major',
    plant: (set, random) => ({ ...set, matches: random.shuffle(set.matches) }),
  },
];
