import type { PlantedFault } from './fault.ts';

export const lostEntries: PlantedFault = {
  about: 'every page lacks its last entry',
  percent: 100,
  page: (entries) => entries.slice(0, -1),
};
