import type { Step } from '../tree.ts';
import type { Random } from './random.ts';

/** Texts below the place of a row. */
type Sample = readonly (readonly [Step[], string])[];

const UNITS: readonly Sample[] = [
  [],
  [[[6, 1], 'mmol/L']],
  [
    [[6, 1], 'mg/dL'],
    [[6, 2], 'milligram per decilitre'],
    [[6, 3], 'UCUM'],
  ],
  [[[6, 2], 'drops']],
];
const NUMBERS = ['1.50', '0', '-3', '12345678901234567890.5'];
const RANGES = ['3.5-5.1', '3.50 - 5.10', '>=60', '<=0.5', '<5', 'negative', '9-2'];

/** Samples for pairs whose place has parts of its own: what the laws are measured with. */
const SAMPLES: Readonly<Record<string, (random: Random) => Sample>> = {
  'obx-quantity': (random) => [
    ...random.pick<Sample>([
      [
        [[2], 'NM'],
        [[5], random.pick(NUMBERS)],
      ],
      [
        [[2], 'NM'],
        [[5], 'haemolysed'],
      ],
      [
        [[2], 'SN'],
        [[5, 1], random.pick(['<', '>=', '='])],
        [[5, 2], random.pick(NUMBERS)],
      ],
    ]),
    ...random.pick(UNITS),
  ],
  'obx-range': (random) => [
    [[2], 'SN'],
    [[5, 2], '1.0'],
    [[5, 3], '-'],
    [[5, 4], '2'],
    ...random.pick(UNITS),
  ],
  'obx-ratio': (random) => [
    [[2], 'SN'],
    [[5, 2], '1'],
    [[5, 3], random.pick([':', '/'])],
    [[5, 4], '128'],
    ...random.pick(UNITS),
  ],
  'obx-concept': (random) => [
    [[2], random.pick(['CWE', 'CE', 'IS'])],
    [[5, 1], 'A1'],
    [[5, 2], 'first'],
    [[5, 3], random.pick(['LN', 'SCT'])],
  ],
  'obx-date-time': (random) => [
    [[2], random.pick(['DT', 'TS', 'DTM'])],
    [[5], random.pick(['20260301', '202603011230', 'yesterday'])],
  ],
  'obx-time': () => [
    [[2], 'TM'],
    [[5], '0830'],
  ],
  'obx-period': () => [
    [[2], 'DR'],
    [[5, 1], '20260301'],
    [[5, 2], '20260302'],
  ],
  'obx-string': (random) => [
    [[2], random.pick(['ST', 'TX', 'FT', 'XAD'])],
    [[5], random.pick(['some words', '王小明', 'a^b'])],
  ],
  'obx-attachment': (random) =>
    random.pick<Sample>([
      [
        [[2], 'ED'],
        [[5, 2], 'application'],
        [[5, 3], 'pdf'],
      ],
      [
        [[2], 'RP'],
        [[5, 1], 'https://files.example/1'],
        [[5, 3], 'image'],
        [[5, 4], 'jpeg'],
      ],
    ]),
  'obx-data': () => [
    [[2], 'ED'],
    [[5, 4], 'Base64'],
    [[5, 5], 'aGVsbG8='],
  ],
  'obx-content-type': (random) => [
    [[2], 'ED'],
    [[5, 2], 'text'],
    [[5, 3], random.pick(['plain', 'XML'])],
  ],
  'reference-range': (random) => [[[7], random.pick(RANGES)]],
  lines: (random) => [[[3], random.pick(['a note', 'two\nlines'])]],
};

/** Texts for a row with `via`; none for pairs whose data other rows make up. */
export function samplesOf(via: string, random: Random): [Step[], string][] {
  return (SAMPLES[via]?.(random) ?? []).map(([steps, text]) => [steps, text]);
}
