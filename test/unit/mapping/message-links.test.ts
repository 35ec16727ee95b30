import { expect, it } from 'vitest';
import { linkResources } from '../../../src/mapping/message-links.ts';
import type { Linkable } from '../../../src/mapping/message-links.ts';

const SUBJECT = { path: ['subject'], lists: [false], to: 'patient' };

/** What looks at every resource for each takes a minute; what does not, well under a second. */
const SOON_MS = 10_000;

it('a message of a great many results says of each whose it is', () => {
  const patient: Linkable = {
    from: '.',
    as: 'patient',
    links: [],
    resource: { resourceType: 'Patient', id: 'HOSP|1' },
    shared: false,
  };
  const results = Array.from({ length: 80_000 }, (_, index): Linkable => {
    const resource = { resourceType: 'Observation', id: `HOSP|${index}` };
    return { from: `OBX[${index + 1}]`, as: 'result', links: [SUBJECT], resource, shared: false };
  });
  const started = performance.now();
  linkResources([patient, ...results]);
  expect(performance.now() - started).toBeLessThan(SOON_MS);
  const subjects = new Set(results.map(({ resource }) => JSON.stringify(resource!['subject'])));
  expect([...subjects]).toEqual(['{"reference":"Patient/HOSP|1"}']);
});
