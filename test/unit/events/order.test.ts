import { array, assert, asyncProperty, constantFrom, integer, record } from 'fast-check';
import { expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { FhirResponse } from '../../../src/ports.ts';
import { appointment, openScene, resourceOf } from './support.ts';
import { textAt } from '../../support/two-sides.ts';
import { settled } from '../resilience/support.ts';

/** One write of a client: for which patient, of which of its resources, how long each exchange takes, and how its delivery fails. */
const step = record({
  patient: integer({ min: 0, max: 2 }),
  resource: integer({ min: 0, max: 2 }),
  slow: integer({ min: 0, max: 3 }),
  fate: constantFrom('fine', 'down', 'broken', 'lost'),
});

const markOf = (resource: Resource | undefined) => (resource ? textAt(resource, 'comment') : '');

const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick += 1) await settled();
};

it('delivers what modern accepted to legacy in the order of acceptance of each patient, and once', async () => {
  await assert(
    asyncProperty(array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const scene = await openScene({ attempts: 1_000 });
      const { modern, legacy, writes, stores } = scene;
      const accepted: string[] = [];
      const change = stores.outbox.change.bind(stores.outbox);
      stores.outbox.change = async (id, changes, also) => {
        if (also?.counted === 'accepted') accepted.push(markOf(changes.resource));
        return change(id, changes, also);
      };
      const fates = new Map<string, string>();
      const delays = new Map<string, number>();
      modern.before = async ({ resource }): Promise<FhirResponse | undefined> => {
        await ticks(delays.get(markOf(resource)) ?? 0);
        return undefined;
      };
      const arrived: string[] = [];
      legacy.before = async ({ resource }) => {
        const mark = markOf(resource);
        await ticks(delays.get(mark) ?? 0);
        const fate = fates.get(mark);
        if (fate === 'down' || fate === 'broken') {
          fates.delete(mark);
          throw new FicusError(fate === 'down' ? 'unavailable' : 'legacy-exception', fate);
        }
        return undefined;
      };
      legacy.after = ({ resource }) => {
        const mark = markOf(resource);
        arrived.push(mark);
        if (fates.get(mark) === 'lost') {
          fates.delete(mark);
          throw new FicusError('outcome-unknown', 'the answer was lost');
        }
      };
      writes.start();
      const ids = new Map<string, Promise<string>>();
      const done = steps.map(async ({ patient, resource, slow, fate }, nth) => {
        const mark = `p${patient} w${nth}`;
        fates.set(mark, fate);
        delays.set(mark, slow);
        const content = appointment(`p-${patient}`, mark);
        const name = `${patient} ${resource}`;
        const known = ids.get(name);
        if (!known) {
          const made = scene.write('modern', { resource: content }).then((answer) => resourceOf(answer).id!);
          ids.set(name, made);
          await made;
          return;
        }
        const id = await known;
        await scene.write('modern', { interaction: 'update', id, resource: { ...content, id } });
      });
      await Promise.all(done);
      for (let round = 0; round < 300 && writes.outbox.list().length > 0; round += 1)
        await scene.clock.advance(250);
      expect(writes.outbox.list()).toEqual([]);
      for (const patient of [0, 1, 2]) {
        const of = (marks: readonly string[]) => marks.filter((mark) => mark.startsWith(`p${patient} `));
        const order = of(accepted);
        // A lost answer makes an update arrive again, as itself; whatever was superseded did not arrive.
        const once = [...new Set(of(arrived))];
        expect(once).toEqual(order.filter((mark) => once.includes(mark)));
      }
      expect(legacy.held.size).toBe(ids.size);
      const held = (side: typeof legacy) => new Set([...side.held.values()].map(markOf));
      expect(held(legacy)).toEqual(held(modern));
      expect(await writes.outbox.ledger()).toMatchObject({ accepted: steps.length, dead: 0, balanced: true });
    }),
    { numRuns: 300, seed: 20_260_301 },
  );
});
