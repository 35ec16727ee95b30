import { createMllpPool } from '../../adapters/hl7v2/client.ts';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { systemClock } from '../../src/clock.ts';
import { queryOf } from './query.ts';
import { playRole } from './role.ts';

// The bare exchange, a process of its own: node bare.ts CORE_PORT. The pool alone sends the query of a read, 64 at a time, from
// `start` to `stop`; nothing is made of the answer beyond what the pool looks at.

// As Ficus does: what is measured above it is what Ficus adds.
keepObjectsYoung();
const AT_A_TIME = 64;
const pool = createMllpPool({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  connections: 8,
  clock: systemClock,
});
const state = { running: false, exchanged: 0 };

async function exchangeOn(): Promise<void> {
  while (state.running) {
    state.exchanged += 1;
    const { message, controlId } = queryOf(state.exchanged, String(100_000 + (state.exchanged % 2_000)));
    const { signal } = new AbortController();
    await pool.exchange(message, { expects: 'query', controlId, signal, deadline: Date.now() + 8_000 });
  }
}

function follow(order: string): void {
  state.running = order === 'start';
  if (!state.running) return;
  for (let one = 0; one < AT_A_TIME; one += 1) void exchangeOn();
}

playRole(0, () => state.exchanged, follow);
