import { once } from 'node:events';
import { connect } from 'node:net';
import { createFhirApp } from '../../../src/http/app.ts';
import { startHttpServer } from '../../../src/http/server.ts';
import type { AppOptions } from '../../../src/http/app.ts';
import type { HttpServer, ServerOptions } from '../../../src/http/server.ts';
import { systemClock } from '../../../src/clock.ts';
import { FicusError } from '../../../src/errors.ts';
import type { Interaction, Resource } from '../../../src/fhir/types.ts';
import type { SearchQuery } from '../../../src/fhir/search-query.ts';
import type { FhirRequest, FhirResponse, LogFields, Logger, RequestContext } from '../../../src/ports.ts';
import type { Pairs } from '../../../src/http/url.ts';

export type Handle = (request: FhirRequest, context: RequestContext) => Promise<FhirResponse> | FhirResponse;

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A Logger that keeps its lines. */
export function keepLines(lines: LogLine[], bound: LogFields = {}): Logger {
  const write = (level: string) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, fields: { ...bound, ...fields } });
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => keepLines(lines, { ...bound, ...fields }),
  };
}

const PROMISED: Readonly<Record<string, readonly Interaction[]>> = {
  Patient: ['read', 'vread', 'search', 'create', 'update'],
  Observation: ['read', 'search', 'create'],
  AllergyIntolerance: ['read'],
};
const KNOWN: ReadonlySet<string> = new Set(['_id', 'family', 'code', '_count', 'identifier', 'patient']);

/** Parameters of a few names, all tokens: search has its own tests. */
export function parseSearchPlainly(type: string, pairs: Pairs, handling: 'strict' | 'lenient'): SearchQuery {
  const unknown = pairs.filter(([name]) => !KNOWN.has(name));
  if (handling === 'strict' && unknown.length > 0)
    throw new FicusError('parameter-unknown', 'Unknown parameter');
  const applied = pairs.filter(([name]) => KNOWN.has(name));
  return {
    type,
    filters: applied.map(([name, text]) => ({ name, type: 'token', values: [{ text, code: text }] })),
    sort: [],
    include: [],
    applied,
    ignored: unknown.map(() => ({ severity: 'warning', code: 'not-supported', diagnostics: 'Left out' })),
  };
}

export interface Running {
  readonly server: HttpServer;
  /** Address of the server, without path. */
  readonly origin: string;
  /** Its FHIR base. */
  readonly base: string;
  readonly lines: LogLine[];
  readonly observed: { route: string; status: number; servedBy: string }[];
}

type Overrides = Partial<Omit<AppOptions, 'http'>> & { http?: Partial<AppOptions['http']> } & Partial<
    Pick<ServerOptions, 'headersMs' | 'requestMs'>
  >;

/** A FHIR server on a free port over a Backend that is one function. */
export async function startFhirServer(handle: Handle, overrides: Overrides = {}): Promise<Running> {
  const lines: LogLine[] = [];
  const observed: Running['observed'] = [];
  let base = '';
  const { http, headersMs, requestMs, ...rest } = overrides;
  const app = createFhirApp({
    backend: { handle: async (request, context) => handle(request, context) },
    promised: (type) => PROMISED[type],
    parseSearch: parseSearchPlainly,
    capability: () => CAPABILITY,
    publicBase: () => base,
    http: { deadlineMs: 5_000, maxBodyBytes: 5 * 1024 * 1024, compression: true, ...http },
    clock: systemClock,
    log: keepLines(lines),
    metrics: { request: (route, status, servedBy) => observed.push({ route, status, servedBy }) },
    ...rest,
  });
  const server = await startHttpServer(
    {
      app,
      clock: systemClock,
      log: keepLines(lines),
      ...(rest.passthrough ? { passthrough: rest.passthrough } : {}),
      ...(headersMs === undefined ? {} : { headersMs }),
      ...(requestMs === undefined ? {} : { requestMs }),
    },
    { host: '127.0.0.1', port: 0 },
  );
  const origin = `http://127.0.0.1:${server.port}`;
  base = `${origin}/fhir/r4`;
  return { server, origin, base, lines, observed };
}

/** What a patient of a recording server says of itself. */
export const META = { versionId: '3', lastUpdated: '2026-03-01T10:00:00Z' };

/** A server that keeps what it was asked, and answers with a patient where a test says nothing else. */
export interface Recording extends Running {
  seen: { readonly request: FhirRequest; readonly context: RequestContext }[];
  reply: Handle;
  /** As it was at first. */
  readonly reset: () => void;
}

export async function startRecordingServer(overrides: Overrides = {}): Promise<Recording> {
  const plainly: Handle = (request) =>
    answer(patient(request.id ?? 'new', { meta: META }), request.interaction === 'create' ? 201 : 200);
  const running = await startFhirServer((request, context) => {
    recording.seen.push({ request, context });
    return recording.reply(request, context);
  }, overrides);
  const recording: Recording = {
    ...running,
    seen: [],
    reply: plainly,
    reset: () => {
      recording.seen = [];
      recording.reply = plainly;
      running.lines.length = 0;
    },
  };
  return recording;
}

export const CAPABILITY: Resource = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  fhirVersion: '4.0.1',
};

export function patient(id: string, more: Partial<Resource> = {}): Resource {
  return { resourceType: 'Patient', id, active: true, ...more };
}

export function answer(resource: Resource, status = 200, headers: Record<string, string> = {}): FhirResponse {
  return { status, headers, body: { kind: 'resource', resource }, servedBy: 'legacy:core' };
}

/** Sends bytes as they are and gives all that comes back until the server closes. */
export async function rawExchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}
