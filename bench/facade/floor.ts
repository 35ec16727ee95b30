import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMllpPool } from '../../adapters/hl7v2/client.ts';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { systemClock } from '../../src/clock.ts';
import { queryOf } from './query.ts';
import { playRole } from './role.ts';

// What a read through HTTP and MLLP costs whoever does nothing else, a process of its own: node floor.ts CORE_PORT. A server of node:http
// without a framework, the pool of the product, and between them neither log, audit, identity nor mapping: a body that is ready.

keepObjectsYoung();
const PATH = '/fhir/r4/Patient/';
/** As long as the answer of Ficus. */
const PADDING = 'x'.repeat(1_500);
const HEADERS = ['content-type', 'application/fhir+json; charset=utf-8'];
const pool = createMllpPool({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  connections: 8,
  clock: systemClock,
});
let serial = 0;

/** @param number of the patient */
async function bodyOf(number: string): Promise<string> {
  const { message, controlId } = queryOf((serial += 1), number);
  const { signal } = new AbortController();
  await pool.exchange(message, { expects: 'query', controlId, signal, deadline: Date.now() + 8_000 });
  return `{"resourceType":"Patient","identifier":[{"value":"${number}"}],"text":"${PADDING}"}`;
}

const server = createServer((req, res) => {
  void bodyOf(req.url!.slice(PATH.length)).then((body) => {
    res.writeHead(200, [...HEADERS, 'content-length', String(body.length)]);
    res.end(body, 'latin1');
  });
});

server.listen(0, '127.0.0.1', () => playRole((server.address() as AddressInfo).port));
