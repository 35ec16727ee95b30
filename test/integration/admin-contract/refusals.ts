import { expect, it } from 'vitest';
import { compileSchema } from '../../../src/http/admin-contract.ts';
import { BODIES } from './bodies.ts';
import { SIGNED, operations, strict } from './desk.ts';
import type { Desk } from './desk.ts';

// A consent that there is not is made.
const ofEndpoints = operations.filter(({ id, path }) => path.includes('{') && id !== 'setConsent');

/** What every operation says of what there is not, and of changes that it cannot take. */
export function refusals(desk: () => Desk): void {
  it.each(ofEndpoints.map(({ id }) => [id] as const))(
    'of %s: 404 in words for what there is not',
    async (id) => {
      const { ask } = desk();
      const params = {
        endpoint: 'Observation.nothing',
        id: 'nothing',
        name: 'nothing',
        seq: '999',
        number: '999',
        type: 'Observation',
      };
      const { status, body } = await ask(id, { params, ...(BODIES[id] ? { body: BODIES[id] } : {}) });
      expect({ status, body }).toMatchObject({ status: 404, body: { error: 'not-found' } });
      expect(body['message']).toMatch(/^There is no .*[.]$/);
      const failure = compileSchema(strict, strict.components.schemas['Failure'] ?? {});
      expect(failure.safeParse(body).error?.issues).toBeUndefined();
    },
  );

  it.each(operations.filter(({ body }) => body).map(({ id }) => [id] as const))(
    'of %s: 422 for a change that nobody signs, and for one that says what it does not take',
    async (id) => {
      const { ask } = desk();
      const { by: _, ...unsigned } = { ...SIGNED, ...BODIES[id] };
      const params = {
        endpoint: 'Observation.search',
        id: 'x',
        name: 'observations',
        seq: '1',
        number: '1',
        type: 'Observation',
      };
      for (const body of [unsigned, { ...unsigned, by: '  ' }]) {
        const said = await ask(id, { params, body });
        expect(said.status, said.text).toBe(422);
        expect(said.text).toContain('by');
      }
      if (id !== 'setRoute') {
        const { status } = await ask(id, { params, body: { ...SIGNED, ...BODIES[id], surprise: 1 } });
        expect(status).toBe(422);
      }
    },
  );
}
