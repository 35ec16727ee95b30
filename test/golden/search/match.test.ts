import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { parseJson } from '../../../src/fhir/json.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { compileFilters } from '../../../src/search/match.ts';
import { BASE, NOW, query } from '../../unit/search/support.ts';
import { createTimeZone } from '../../../src/search/time-zone.ts';

/**
 * Each file: what it shows, optionally `zone: NAME`, a resource, a line of dashes, then one search a line:
 * `+ it matches`, `- it does not`, `! it is refused | with this code`; what follows two spaces and # is the reason.
 */
const folder = new URL('match/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.case'));

test('there are cases', () => expect(files.length).toBeGreaterThan(10));

describe.each(files)('%s', (name) => {
  const [head = '', rows = ''] = readFileSync(new URL(name, folder), 'utf8').split(/^-{5,}$/m);
  const resource = parseJson(head.slice(head.indexOf('{'))) as Resource;
  const zone = createTimeZone(/^zone: (\S+)$/m.exec(head)?.[1] ?? 'UTC');
  const lines = rows.split('\n').filter((line) => line.trim() !== '');
  test.each(lines)('%s', (line) => {
    const [asked = '', expected] = line
      .slice(2)
      .split(/ {2,}#/)[0]!
      .trim()
      .split(' => ');
    const evaluate = (): boolean => {
      const { filters } = query(resource.resourceType, asked);
      return compileFilters(resource.resourceType, filters, { zone, now: NOW, base: BASE })(resource);
    };
    if (line.startsWith('!')) {
      expect(evaluate).toThrow(FicusError);
      try {
        evaluate();
      } catch (error) {
        expect((error as FicusError).code).toBe(expected);
      }
      return;
    }
    expect(['+', '-']).toContain(line[0]);
    expect(evaluate()).toBe(line.startsWith('+'));
  });
});
