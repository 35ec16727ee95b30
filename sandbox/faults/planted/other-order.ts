import type { PlantedFault } from './fault.ts';

export const otherOrder: PlantedFault = {
  about: 'the entries of a page come in the opposite order',
  percent: 100,
  page: (entries) => entries.toReversed(),
};
