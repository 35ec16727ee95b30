import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/ports.ts';
import { projection, snapshot } from '../projection/support.ts';
import { doctor, get, observation, patientA, stackOf } from './enforce-world.ts';
import type { Told } from './fuzz/stack.ts';
import { served } from './fuzz/backends.ts';
import { BASE } from './fuzz/world.ts';
import type { Known } from './fuzz/world.ts';

/*
 * What of the versions of a resource a caller sees: each is judged by what it says itself, and none is to be seen of what may not be seen now.
 */

const RESTRICTED = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] }; // prettier-ignore
const plain = (status: string, patient = 'a') => observation('o', patient, 'lab', { status });
const restricted = (status: string) => observation('o', 'a', 'lab', { status, meta: RESTRICTED });

/** A projection that was told of these states, one after the other. */
function told(...states: readonly Known[]) {
  const it = projection({ defaultCount: 3 });
  for (const state of states) it.apply({ changes: [snapshot(state)] });
  return { backend: it.backend, writes: false, native: true, states: async () => [] };
}

type Bundle = { total?: number; link?: { relation: string; url: string }[]; entry?: { resource: Known }[] };
const bundleOf = ({ body }: Told) => body as unknown as Bundle;
const statesOf = (answer: Told) => (bundleOf(answer).entry ?? []).map(({ resource }) => resource['status']);
const nextOf = (answer: Told) =>
  bundleOf(answer)
    .link?.find(({ relation }) => relation === 'next')
    ?.url.slice(BASE.length + 1);

describe('the versions of a resource', () => {
  const caller = patientA('patient/Observation.r');

  it('are not to be seen where the newest one bears a label, though the others do not', async () => {
    const stack = stackOf(told(plain('preliminary'), plain('final'), restricted('amended')));
    for (const part of ['', '/1', '/2', '/3'])
      expect((await get(stack, caller, `Observation/o/_history${part}`)).status, part).toBe(404);
  });

  it('are left out one by one where an older one bears a label, and none is counted', async () => {
    const stack = stackOf(told(plain('preliminary'), restricted('final'), plain('amended')));
    const answer = await get(stack, caller, 'Observation/o/_history');
    expect([statesOf(answer), bundleOf(answer).total]).toEqual([['amended', 'preliminary'], 2]);
    expect((await get(stack, caller, 'Observation/o/_history/1')).status).toBe(200);
    expect((await get(stack, caller, 'Observation/o/_history/2')).status).toBe(404);
    const open = await get(stackOf(told(plain('final'), restricted('amended')), false), caller, 'Observation/o/_history'); // prettier-ignore
    expect(bundleOf(open).total).toBe(2);
  });

  it('are left out where they are of another patient', async () => {
    const stack = stackOf(told(plain('preliminary', 'b'), plain('final')));
    expect(statesOf(await get(stack, caller, 'Observation/o/_history'))).toEqual(['final']);
  });

  it('come page by page, without a total where not all of them were looked at', async () => {
    const stack = stackOf(
      told(plain('preliminary'), restricted('final'), plain('amended'), plain('corrected')),
    );
    const pages: unknown[] = [];
    for (let url: string | undefined = 'Observation/o/_history?_count=1'; url !== undefined;) {
      const answer: Told = await get(stack, caller, url);
      expect(bundleOf(answer).total).toBeUndefined();
      pages.push(statesOf(answer));
      url = nextOf(answer);
    }
    expect(pages).toEqual([['corrected'], ['amended'], [], ['preliminary']]);
  });

  it('are nobody else’s page', async () => {
    const stack = stackOf(told(plain('preliminary'), plain('final')), false);
    const next = nextOf(await get(stack, caller, 'Observation/o/_history?_count=1'))!;
    expect((await get(stack, caller, next)).status).toBe(200);
    expect((await get(stack, doctor('user/*.r'), next)).status).toBe(400);
  });

  it('have no total where a modern service has more of them', async () => {
    const service = served([plain('preliminary'), plain('final')]);
    const url = `${BASE}/Observation/o/_history?_getpages=2`;
    const paging: Backend = {
      async handle(request, context) {
        const answer = await service.backend.handle(request, context);
        if (request.interaction !== 'history' || answer.body.kind !== 'pipe') return answer;
        const bundle = JSON.parse(answer.body.whole?.()?.toString() ?? '{}') as Bundle;
        bundle.link = [{ relation: 'next', url }];
        return {
          ...answer,
          body: { kind: 'resource', resource: { resourceType: 'Bundle', ...bundle } },
        };
      },
    };
    const answer = await get(stackOf({ ...service, backend: paging }), caller, 'Observation/o/_history');
    expect([bundleOf(answer).total, bundleOf(answer).link]).toEqual([undefined, [{ relation: 'next', url }]]);
  });
});
