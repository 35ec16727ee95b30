import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configJsonSchema, configPage } from '../../../src/config/describe.ts';

const doc = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

describe('the page about the configuration', () => {
  it('is what the schema says (npm run docs)', () => {
    expect(doc('configuration.md')).toBe(configPage());
    expect(JSON.parse(doc('configuration.schema.json'))).toEqual(configJsonSchema());
  });

  it('says of every key what it means', () => {
    const rows = configPage()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows.length).toBeGreaterThan(80);
    expect(rows.filter((row) => row.endsWith('|  |'))).toEqual([]);
  });

  it('has a row for keys at every depth', () => {
    for (const key of [
      'security',
      'listen.port',
      'backends.NAME (hl7v2).connections',
      'backends.NAME (modern).breaker.volume',
      'routes[].stage',
      'identity.keys[].secret',
    ]) {
      expect(configPage()).toContain(`| \`${key}\` |`);
    }
  });
});
