import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { assemble } from '../../../src/compose/assembly.ts';
import type { Assembly } from '../../../src/compose/assembly.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { SECRETS, configOf } from '../../../bench/facade/places.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ficus-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function assembled(compare: string): Assembly {
  const config = parseConfig(`${configOf(2575)}migration: { compare: ${compare} }\n`);
  return assemble({ config, baseDir: folder }, SECRETS, systemClock);
}

describe('migration.compare', () => {
  it('misses the elements of US Core unless the site says otherwise', () => {
    expect([...(assembled('{}').mustSupport.get('Patient') ?? [])]).toContain('Patient.name.family');
    expect(assembled('{ mustSupport: none }').mustSupport.size).toBe(0);
  });

  it('takes the list of a site, and names a file that is wrong', () => {
    const file = join(folder, 'ours.yaml');
    writeFileSync(file, 'mustSupport: ours\ntypes: { Patient: [Patient.gender] }\n');
    const list = assembled('{ mustSupport: ours.yaml }').mustSupport;
    expect(list).toEqual(new Map([['Patient', new Set(['Patient.gender'])]]));
    writeFileSync(file, 'mustSupport: ours\ntypes: { Patient: [Patient.horns] }\n');
    expect(() => assembled('{ mustSupport: ours.yaml }')).toThrow(
      `migration.compare.mustSupport: ${file}: ours: `,
    );
    expect(() => assembled('{ mustSupport: gone.yaml }')).toThrow('migration.compare.mustSupport: ');
  });

  it('takes the codes that say the same from the code maps, and from the site', () => {
    const { codeMaps } = assembled('{ codes: [["urn:lab|GLU", "http://loinc.org|2345-7"]] }');
    expect(codeMaps.get('urn:lab|GLU')).toBe(codeMaps.get('http://loinc.org|2345-7'));
    expect(codeMaps.size).toBeGreaterThan(2);
    expect(() => assembled('{ codes: [["GLU", "http://loinc.org|2345-7"]] }')).toThrow('is no system|code');
  });
});
