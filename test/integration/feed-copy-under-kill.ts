import { join } from 'node:path';
import { createModernBackend } from '../../adapters/modern/backend.ts';
import { systemClock } from '../../src/clock.ts';
import { createCopy } from '../../src/events/feed/copy/copy.ts';
import { createLogger } from '../../src/log.ts';
import { createProjectionLog } from '../../src/projection/event-log.ts';
import { PROJECTION_MIGRATIONS } from '../../src/projection/schema.ts';
import { createReading } from '../../src/projection/search/reading.ts';
import { openDatabase } from '../../src/store/database.ts';
import { openFollowerStore } from '../../src/store/followers.ts';

/** A process that copies, and is killed at any moment: started by feed-copy-kill.test.ts with a folder and the address of the modern service. */
const [, , folder = '', url = ''] = process.argv;
const projection = openDatabase(join(folder, 'projection.sqlite'), PROJECTION_MIGRATIONS);
const reading = createReading(projection);
const copy = createCopy({
  name: 'modern',
  types: ['Patient', 'Observation'],
  owner: 'laboratory',
  events: createProjectionLog(projection),
  current: (type, id) => reading.read(type, id),
  mayCopy: async () => 'send',
  store: openFollowerStore(join(folder, 'followers.sqlite')),
  target: createModernBackend({
    name: 'modern',
    url,
    publicBase: () => 'http://ficus.example/fhir/r4',
    endpoints: [],
  }),
  clock: systemClock,
  log: createLogger({ level: 'silent' }),
  concurrency: 4,
  attempts: 5,
  firstRetryMs: 5,
  maxRetryMs: 50,
});
copy.start();
setInterval(() => {
  copy.wake();
  process.send!(copy.status());
}, 10);
