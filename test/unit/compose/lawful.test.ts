import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refuseLawless, refuseLawlessOnce } from '../../../src/compose/lawful.ts';
import { HOME } from '../../../src/compose/assembly.ts';
import { readMappingFiles } from '../../../src/config/mappings.ts';
import { compileMappings } from '../../../src/mapping/mapping-set.ts';
import { createFakeClock } from '../resilience/support.ts';

const clock = createFakeClock();
const files = readMappingFiles(join(HOME, 'mappings'));

/** What one row reads depends on a field that another keeps raw: a resource cannot bring it along. */
const LAWLESS = {
  path: 'lawless.yaml',
  text: `
map: DR <-> Period [lawless]
rows:
  - { v2: DR.1, fhir: start, when: DR.2 }
  - { v2: DR.2, fhir: ~, keep: raw, why: x }
`,
};

describe('mappings', () => {
  it('that come with Ficus may be used, and are not measured twice', () => {
    const set = compileMappings(files);
    const state = mkdtempSync(join(tmpdir(), 'ficus-lawful-'));
    refuseLawlessOnce(set, clock, state);
    expect(readFileSync(join(state, 'mappings-found-lawful'), 'utf8')).toContain(set.version);
    expect(() =>
      refuseLawlessOnce({ ...set, maps: new Map([['x', undefined as never]]) }, clock, state),
    ).not.toThrow();
    expect(() =>
      refuseLawlessOnce(
        { ...set, version: 'other', maps: new Map([['x', undefined as never]]) },
        clock,
        state,
      ),
    ).toThrow();
  });

  it('that change something on the round trip may not', () => {
    const broken = compileMappings([...files, LAWLESS]);
    expect(() => refuseLawless(broken, clock)).toThrow('DR <-> Period [lawless] breaks put-get');
  });
});
