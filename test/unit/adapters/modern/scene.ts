import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { createModernBackend } from '../../../../adapters/modern/backend.ts';
import type { ModernBackend } from '../../../../adapters/modern/backend.ts';
import { FicusError } from '../../../../src/errors.ts';
import type { FhirRequest, RequestContext } from '../../../../src/ports.ts';
import { keepLines, startFhirServer } from '../../http/fhir-server.ts';
import type { Running } from '../../http/fhir-server.ts';

export const FHIR = { 'content-type': 'application/fhir+json; charset=utf-8' };
export const READ: FhirRequest = { interaction: 'read', type: 'Patient', id: 'p1', handling: 'lenient' };
export const CREATE: FhirRequest = {
  interaction: 'create',
  type: 'Patient',
  handling: 'lenient',
  resource: { resourceType: 'Patient' },
};

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A service that does what the test says, a modern Backend before it, and Ficus before that. */
export interface Scene {
  /** FHIR base address of the service. */
  base: string;
  backend: ModernBackend;
  ficus: Running;
  /** What the service was asked. */
  asked: Asked[];
  /** Connections that the service has seen. */
  connections: number;
  behave: (req: IncomingMessage, res: ServerResponse) => void;
  reset(): void;
  close(): Promise<void>;
}

export async function startScene(): Promise<Scene> {
  const asked: Asked[] = [];
  const service = createServer();
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const base = `http://127.0.0.1:${(service.address() as AddressInfo).port}/modern/fhir`;
  const backend = createModernBackend({
    name: 'labs',
    url: base,
    publicBase: () => ficus.base,
    endpoints: ['Patient.read'],
    headers: { authorization: 'Bearer of-ficus' },
    stallMs: 1_000,
  });
  const ficus = await startFhirServer((request, context) => backend.handle(request, context), {
    http: { deadlineMs: 2_000 },
    bodyOf: (endpoint) => (endpoint === 'Observation.create' ? 'streamed' : 'validated'),
  });
  const plainly = (_req: IncomingMessage, res: ServerResponse): void => {
    res.writeHead(200, FHIR).end('{"resourceType":"Patient","id":"p1","x":1.50}');
  };
  const scene: Scene = {
    base,
    backend,
    ficus,
    asked,
    connections: 0,
    behave: plainly,
    reset: () => {
      asked.length = 0;
      scene.behave = plainly;
    },
    close: async () => {
      await ficus.server.close(0);
      await backend.destroy();
      service.closeAllConnections();
      service.close();
    },
  };
  const record = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await readText(req).catch(() => undefined);
    if (body === undefined) return;
    asked.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body });
    scene.behave(req, res);
  };
  service.on('request', (req: IncomingMessage, res: ServerResponse) => void record(req, res));
  service.on('connection', () => {
    scene.connections += 1;
  });
  return scene;
}

export function contextOf(signal: AbortSignal = new AbortController().signal): RequestContext {
  return {
    requestId: 'r-1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
    principal: { key: 'anonymous' },
    signal,
    deadline: Date.now() + 5_000,
    log: keepLines([]),
    timing: () => {},
  };
}

/** Code of the FicusError that a promise rejects with; `none` when it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof FicusError ? error.code : String(error);
  }
  return 'none';
}
