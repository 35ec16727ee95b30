import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { playRole } from '../facade/role.ts';

// A process that answers every request with the same bytes, about as many as a Patient has.

const BODY = Buffer.from(JSON.stringify({ resourceType: 'Patient', text: '.'.repeat(1_000) }));
const HEADERS = { 'content-type': 'application/fhir+json', 'content-length': BODY.length };
const server = createServer((_request, response) => response.writeHead(200, HEADERS).end(BODY)).listen(
  0,
  '127.0.0.1',
);
await once(server, 'listening');
playRole((server.address() as AddressInfo).port);
