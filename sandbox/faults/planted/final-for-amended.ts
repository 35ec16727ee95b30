import type { PlantedFault } from './fault.ts';

export const finalForAmended: PlantedFault = {
  about: 'a result that was amended is said to be final',
  percent: 100,
  resource: (resource) => (resource['status'] === 'amended' ? { ...resource, status: 'final' } : resource),
};
