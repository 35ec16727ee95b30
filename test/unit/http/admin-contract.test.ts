import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FicusError } from '../../../src/errors.ts';
import { compileSchema, contractRoutes, operationsOf } from '../../../src/http/admin-contract.ts';
import type { ApiDocument } from '../../../src/http/admin-contract.ts';

const document = parse(readFileSync('contracts/admin-api.yaml', 'utf8')) as ApiDocument;
const operations = operationsOf(document);
const request = (body: Record<string, unknown>) => ({
  params: { endpoint: 'X.read' },
  query: {},
  headers: {},
  body,
});

describe('the admin API’s document', () => {
  it('names every operation once', () => {
    const ids = operations.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(30);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(operations.map((one) => [one.id, one] as const))('%s has schemas that can be checked', (_, one) => {
    for (const schema of [one.body, ...Object.values(one.answers)]) {
      if (schema) expect(() => compileSchema(document, schema)).not.toThrow();
    }
  });

  it('asks whoever changes something for a name', () => {
    for (const one of operations.filter(({ method }) => method !== 'get'))
      expect(one.body?.['required'], one.id).toContain('by');
  });

  it('follows references into the definitions', () => {
    const moved = compileSchema(document, { $ref: '#/components/schemas/Moved' });
    expect(moved.safeParse({ route: {}, warnings: [] }).success).toBe(false);
  });
});

describe('routes of the document', () => {
  const promote = operations.filter(({ id }) => id === 'promote');
  const handled: unknown[] = [];
  const [route] = contractRoutes(document, promote, {
    promote: ({ body }) => {
      handled.push(body);
      return { body: {} };
    },
  });

  it('have express’s form', () => {
    expect(route).toMatchObject({ method: 'post', path: '/migration/:endpoint/promote' });
  });

  it('hand on a body that fits', async () => {
    await route?.handle(request({ by: 'ada', reason: 'evidence is there', percent: 10 }));
    expect(handled).toEqual([{ by: 'ada', reason: 'evidence is there', percent: 10 }]);
  });

  it.each([
    ['nobody asks', { reason: 'x' }, 'by'],
    ['a blank name', { by: ' ', reason: 'x' }, 'by'],
    ['a share that is none', { by: 'ada', reason: 'x', percent: 100 }, 'percent'],
    ['something unknown', { by: 'ada', reason: 'x', speed: 1 }, 'speed'],
  ])('refuse a body in which %s', (_, body, named) => {
    const act = () => route?.handle(request(body));
    expect(act).toThrow(FicusError);
    try {
      void act();
    } catch (error) {
      expect((error as FicusError).issues.map(({ diagnostics }) => diagnostics).join()).toContain(named);
    }
  });

  it('are complete: an operation that nothing does, and a handler of no operation, are faults', () => {
    expect(() => contractRoutes(document, promote, {})).toThrow('promote');
    expect(() => contractRoutes(document, [], { promote: () => ({}) })).toThrow('promote');
  });
});
