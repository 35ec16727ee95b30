import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { createProcessor } from '../../src/events/feed/processor.ts';
import { createRunner } from '../../src/events/feed/runner.ts';
import { systemClock } from '../../src/clock.ts';
import { PROJECTION_MIGRATIONS } from '../../src/projection/schema.ts';
import { createProjectionWriter } from '../../src/projection/writer.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';
import { openDatabase } from '../../src/store/database.ts';
import { openInboxIntake } from '../../src/store/inbox-intake.ts';
import { openInboxLedger } from '../../src/store/inbox-ledger.ts';
import { messageOf, openTestProjection, readTestMessage } from '../unit/events/feed/support.ts';
import type { TestMessage } from '../unit/events/feed/support.ts';

/** A process that receives and processes, and is killed at any moment: started by feed-kill.test.ts, which it speaks with over IPC. */
export interface Offer {
  readonly nth: number;
  readonly controlId: string;
  readonly said: TestMessage;
}

const folder = process.argv[2]!;
const file = join(folder, 'inbox.sqlite');
const place = join(folder, 'projection.sqlite');
const projection =
  process.argv[3] === 'real'
    ? createProjectionWriter(openDatabase(place, PROJECTION_MIGRATIONS), {
        zone: createTimeZone('UTC'),
        base: 'http://127.0.0.1/fhir',
      })
    : openTestProjection(place);
const ledger = openInboxLedger(file);
const runner = createRunner({
  processor: createProcessor({
    ledger,
    writer: projection,
    read: readTestMessage,
    ownerOf: () => 'somebody',
    clock: systemClock,
  }),
  clock: systemClock,
  log: { error: (message) => process.send!({ trouble: message }) },
  batch: 5,
});
const intake = await openInboxIntake({ file, owners: {}, onStored: () => runner.wake() });
process.on('message', ({ nth, controlId, said }: Offer) => {
  intake.receive(messageOf(controlId, said)).then(
    (receipt) => process.send!({ nth, receipt }),
    () => process.send!({ trouble: 'refused' }),
  );
});
runner.wake();
process.send!({ ready: true });
// It never comes to an end by itself, at which Node would do so: the next one is started the quicker.
flushCompileCache();
