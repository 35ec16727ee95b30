import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Arrival } from '../../../src/feed-ports.ts';
import { createNewness } from '../../../src/store/inbox-newness.ts';
import { transaction } from '../../../src/store/database.ts';
import { createFiling } from '../../../src/store/inbox-filing.ts';
import { openInboxDatabase } from '../../../src/store/inbox-schema.ts';
import { arrival, newInboxFile } from './inbox-support.ts';

/** Control ids as senders write them: they count, write the time, begin anew, or give what has no order. */
const ids = fc.oneof(
  fc.integer({ min: 0, max: 30 }).map(String),
  fc.integer({ min: 0, max: 30 }).map((id) => String(id).padStart(4, '0')),
  fc.constantFrom('', 'a', 'ä', 'z', '￰', '😀', '\u{1f600}1', 'A1'),
);
const steps = fc.oneof(
  { weight: 5, arbitrary: fc.record({ ids: fc.array(ids, { minLength: 1, maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.constantFrom('told' as const, 'filed' as const) },
  { weight: 1, arbitrary: fc.constant('all filed' as const) },
);

it('calls new what nobody has used, whatever order it comes in, and nothing else', () => {
  const file = newInboxFile();
  const database = openInboxDatabase(file);
  const filing = createFiling(database, {});
  let seq = 0;
  const fileAll = (arrivals: readonly Arrival[]): void =>
    transaction(database, () => filing.fileNew(arrivals.map((one) => ({ seq: ++seq, arrival: one }))));
  let senders = 0;
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), (history) => {
      const sender = `S${++senders}`;
      // The sender is known.
      fileAll([arrival('0009', 'x', { sender })]);
      const newness = createNewness(file);
      const used = new Set(['0009']);
      let safe: Arrival[] = [];
      let told: Arrival[][] = [];
      for (const step of history) {
        if (step === 'told') {
          told.push(safe);
          safe = [];
          newness.told();
        } else if (step === 'filed') {
          fileAll(told.shift() ?? []);
          newness.filed();
        } else if (step === 'all filed') {
          fileAll([...told.flat(), ...safe]);
          told = [];
          safe = [];
          newness.allFiled();
        } else {
          const named = step.ids.filter((id) => id !== '');
          const fresh = new Set(named).size === named.length && named.every((id) => !used.has(id));
          const arrivals = step.ids.map((id) => arrival(id, 'x', { sender }));
          const names = newness.namesIfNew(arrivals);
          expect(names !== undefined).toBe(fresh);
          if (!names) continue;
          newness.safe(names);
          safe.push(...arrivals);
          for (const id of named) used.add(id);
        }
      }
      newness.close();
    }),
    { numRuns: 300 },
  );
  database.close();
});
