import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { audit } from '../../src/audit/layer.ts';
import { createAuditTrail } from '../../src/audit/trail.ts';
import { createThreadedKeeper } from '../../src/compose/audit/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { createLogger } from '../../src/log.ts';
import type { Backend, RequestContext } from '../../src/ports.ts';
import { BEGINNING } from '../../src/audit/chain.ts';

/** A process that answers reads behind the audit Layer until it is killed. It says its port. */
const log = createLogger({ level: 'silent' });
const trail = createAuditTrail({
  keeper: createThreadedKeeper({ file: process.argv[2]!, durability: 'full' }),
  head: () => ({ sequence: 0, hash: BEGINNING, at: 0 }),
  clock: systemClock,
  log,
  whenUnavailable: 'refuse',
  keepMs: 1e12,
});
const backend: Backend = {
  handle: async ({ id = '' }) => ({
    status: 200,
    headers: {},
    body: { kind: 'resource', resource: { resourceType: 'Patient', id } },
    servedBy: 'legacy:core',
  }),
};
const audited = audit(trail)(backend);

createServer((request, response) => {
  const requestId = String(request.headers['x-request-id']);
  const context: RequestContext = {
    requestId,
    traceparent: '',
    principal: { key: 'anonymous' },
    address: '127.0.0.1',
    signal: new AbortController().signal,
    deadline: Date.now() + 5_000,
    log,
    timing: () => {},
  };
  void audited
    .handle({ interaction: 'read', type: 'Patient', id: 'p1', handling: 'strict' }, context)
    .then(({ status }) => response.writeHead(status).end(requestId));
}).listen(0, '127.0.0.1', function listening(this: { address: () => unknown }) {
  process.stdout.write(`${(this.address() as AddressInfo).port}\n`);
});
