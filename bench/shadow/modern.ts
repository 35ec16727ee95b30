import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { playRole, standBack } from '../facade/role.ts';

// A modern service that behaves as it is told, a process of its own: node modern.ts SLOW_MS. Orders: `know FILE`: answers by path, as JSON; or one
// of the behaviours. It counts the requests that reach it, and the connections that it refuses.

const slowMs = Number(process.argv[2]);
const HEAD = { 'content-type': 'application/fhir+json' };
const LARGE = 50 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, ' ');

type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

let known: Readonly<Record<string, string>> = {};
let count = 0;
let refusing = false;

const right: Behaviour = ({ url = '' }, response) => {
  const body = known[url.slice(url.lastIndexOf('/') + 1)];
  response.writeHead(body === undefined ? 404 : 200, HEAD).end(body);
};

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  right,
  wrong: (_request, response) =>
    response.writeHead(200, HEAD).end('{"resourceType":"Patient","id":"another"}'),
  hung: () => {},
  slow: (request, response) => setTimeout(() => right(request, response), slowMs),
  large: (_request, response) => pour(response, LARGE / CHUNK.length),
  announced: (_request, response) => {
    response.writeHead(200, { ...HEAD, 'content-length': LARGE });
    pour(response, LARGE / CHUNK.length);
  },
};

function pour(response: ServerResponse, chunks: number): void {
  if (!response.headersSent) response.writeHead(200, HEAD);
  for (let left = chunks; left > 0 && !response.destroyed; left -= 1) {
    if (response.write(CHUNK)) continue;
    response.once('drain', () => pour(response, left - 1));
    return;
  }
  response.end();
}

let behaviour: Behaviour = right;
const server = createServer((request, response) => {
  count += 1;
  behaviour(request, response);
});
server.on('connection', (socket) => {
  if (!refusing) return;
  count += 1;
  socket.resetAndDestroy();
});

function follow(order: string): void {
  const [word = '', file] = order.split(' ');
  if (word === 'know') known = JSON.parse(readFileSync(file!, 'utf8')) as typeof known;
  refusing = word === 'refusing';
  behaviour = BEHAVIOURS[word] ?? right;
  server.closeAllConnections();
}

standBack();
server.listen(0, '127.0.0.1', () => playRole((server.address() as AddressInfo).port, () => count, follow));
