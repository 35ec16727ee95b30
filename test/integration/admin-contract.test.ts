import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentRoute, healthRoutes, metricsRoute, routeTableRoutes } from '../../src/http/admin-routes.ts';
import { document, operations, startDesk } from './admin-contract/desk.ts';
import type { Desk } from './admin-contract/desk.ts';
import { answersOfTheFeed } from './admin-contract/feed.ts';
import { answersOfMigration } from './admin-contract/migration.ts';
import { refusals } from './admin-contract/refusals.ts';
import { answersOfSecurity } from './admin-contract/security.ts';

/*
 * contracts/admin-api.yaml against a hospital that runs: what it says is mounted, nothing else is, and every answer fits its schema.
 */

let desk: Desk;

beforeAll(async () => {
  desk = await startDesk();
});

afterAll(() => desk?.hospital.close());

describe('the document of the admin API', () => {
  it.each(operations.map(({ id, method, path }) => [id, method, path] as const))(
    'has %s mounted, and no other method at its address than the document says',
    async (_, method, path) => {
      const address = `${desk.hospital.ficus.adminBase}${path.replaceAll(/\{\w+\}/g, 'x')}`;
      const response = await fetch(address, { method: 'PATCH' });
      expect(response.status).toBe(405);
      const allowed = response.headers.get('allow')?.split(', ').toSorted();
      const said = operations.filter((one) => one.path === path).map((one) => one.method.toUpperCase());
      expect(allowed).toEqual(said.toSorted());
      expect(allowed).toContain(method.toUpperCase());
    },
  );

  it('knows every route that is not made from it', () => {
    const table = {
      get: () => undefined,
      list: () => [],
      history: async () => [],
      setStage: async () => {
        throw new Error('not asked');
      },
    };
    const written = [
      ...healthRoutes(() => []),
      metricsRoute({ text: async () => ({ contentType: 'text/plain', body: '' }) }),
      documentRoute(document),
      ...routeTableRoutes(table),
    ].map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const said = operations.map(({ method, path }) => `${method} ${path}`);
    const made = / \/(?:migration|feed|security)(?:\/|$)/;
    expect(said.filter((one) => !made.test(one)).toSorted()).toEqual(written.toSorted());
  });

  it('is what /openapi.json answers', async () => {
    expect(await desk.fitting('openapi')).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('describes the answer of every operation of which there is one', () => {
    const silent = operations.filter(({ answers }) => Object.keys(answers).length === 0);
    expect(silent.map(({ id }) => id)).toEqual(['metrics']);
  });
});

describe('answers of the admin API', () => {
  answersOfMigration(() => desk);
  answersOfTheFeed(() => desk);
  answersOfSecurity(() => desk);

  it('were had of every operation', () => {
    expect(operations.map(({ id }) => id).filter((id) => !desk.answered.has(id))).toEqual([]);
  });
});

describe('refusals of the admin API', () => {
  refusals(() => desk);
});
