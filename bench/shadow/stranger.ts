import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { playRole, standBack } from '../facade/role.ts';

// Whoever else asks the modern service, a process of its own: node stranger.ts MODERN_PORT. As often as the shadow of Ficus may (ten times a second), and it breaks
// off after as much. What moves because of it is what the planted service itself costs on the core that it shares with the load. Orders: `on`, `off`.

const PERIOD_MS = 100;
const MOST_BYTES = 1024 * 1024;

const port = Number(process.argv[2]);
let asked = 0;
let timer: NodeJS.Timeout | undefined;

function ask(): void {
  asked += 1;
  const asking = request({ port, host: '127.0.0.1', path: '/fhir/Patient/1', agent: false }, (response) => {
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) response.destroy();
    });
    response.on('error', () => {});
  });
  asking.on('error', () => {});
  asking.end();
}

function follow(order: string): void {
  clearInterval(timer);
  if (order === 'on') timer = setInterval(ask, PERIOD_MS);
}

const server = createServer();
standBack();
server.listen(0, '127.0.0.1', () => playRole((server.address() as AddressInfo).port, () => asked, follow));
