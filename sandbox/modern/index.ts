import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Dial } from '../faults/dial.ts';
import { openGate } from '../faults/gate.ts';
import { createJournal, type Journal } from '../faults/journal.ts';
import { createSwitchboard, type Switchboard } from '../faults/switchboard.ts';
import { appliesUnder, BodyTooLarge, readBody, sendUnder, urlHost, type HttpAnswer } from '../http.ts';
import { Failure, outcome } from './failure.ts';
import { fhirAnswer, perform, readObservation, type FhirCall } from './interactions.ts';
import { isObject, objects, parseJson, string } from './json.ts';
import { createStore } from './store.ts';

export interface ModernServiceOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8092; 0: any free port. */
  readonly port?: number;
  /** A file with a Bundle or a JSON list of Observations, each with its id. Without it the service starts empty. */
  readonly seedFile?: string | URL;
  readonly switchboard?: Switchboard;
  readonly journal?: Journal;
  /** Epoch milliseconds; default the system's clock. */
  readonly now?: () => number;
}

export interface ModernService {
  readonly port: number;
  /** FHIR base URL, without a slash at the end. */
  readonly base: string;
  /** Empty again, or as in the seed file. */
  readonly reset: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const PATH = '/fhir';
const MAX_BODY = 8 * 1024 * 1024;

/** Starts the modern FHIR R4 service: Observations, kept as they were sent, under the ids that clients give. */
export async function createModernService(options: ModernServiceOptions = {}): Promise<ModernService> {
  const { host = '127.0.0.1', now = Date.now } = options;
  const switchboard = options.switchboard ?? createSwitchboard();
  const journal = options.journal ?? createJournal(now);
  const store = createStore(now);
  const started = new Date(now()).toISOString();
  const reset = async (): Promise<void> => {
    const seed = options.seedFile === undefined ? [] : await readSeed(options.seedFile);
    store.clear();
    for (const text of seed) {
      const resource = readObservation(text);
      store.put(string(resource['id']), resource);
    }
  };
  await reset();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = await readCall(request);
    const name = 'failure' in call ? 'unreadable' : operationOf(call);
    const dial = await switchboard.take('modern', name);
    const base = baseOf();
    const answer = appliesUnder(dial) ? respond(call, base) : fhirAnswer(200, '');
    journal.add({
      protocol: 'modern',
      operation: name,
      controlId: String(request.headers['x-request-id'] ?? ''),
      sender: '',
      outcome: outcomeOf(dial, answer),
      code: String(answer.status),
      bytes: 'failure' in call ? 0 : call.body.length,
      ...(dial ? { fault: dial.fault } : {}),
    });
    await sendUnder(dial, answer, response, switchboard, request.method === 'HEAD');
  };
  const respond = (call: FhirCall | { readonly failure: Failure }, base: string): HttpAnswer => {
    try {
      if ('failure' in call) throw call.failure;
      return perform(call, store, base, started);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return fhirAnswer(error.status, outcome('error', error.code, error.message), error.headers);
    }
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  const baseOf = (): string => `http://${urlHost(host)}:${(server.address() as AddressInfo).port}${PATH}`;
  const gate = await openGate(server, { host, port: options.port ?? 8092, protocol: 'modern', switchboard });
  return {
    port: gate.port,
    base: `http://${urlHost(host)}:${gate.port}${PATH}`,
    reset,
    close: () => gate.close(),
  };
}

async function readSeed(file: string | URL): Promise<string[]> {
  const json = parseJson(await readFile(file, 'utf8'));
  const resources = isObject(json) ? objects(json['entry']).map((entry) => entry['resource']) : objects(json);
  return resources.map((resource) => JSON.stringify(resource));
}

function operationOf(call: FhirCall): string {
  return call.interaction === 'metadata' ? 'metadata' : `Observation.${call.interaction}`;
}

function outcomeOf(dial: Dial | undefined, answer: HttpAnswer): 'accepted' | 'refused' | 'ignored' {
  if (!appliesUnder(dial)) return dial?.fault === 'status' ? 'refused' : 'ignored';
  return answer.status < 400 ? 'accepted' : 'refused';
}

async function readCall(request: IncomingMessage): Promise<FhirCall | { readonly failure: Failure }> {
  try {
    const url = new URL(request.url ?? '/', 'http://service');
    const accept = request.headers.accept ?? '*/*';
    if (!/json|\*\/\*|application\/\*/.test(url.searchParams.get('_format') ?? accept)) {
      throw new Failure(406, 'not-supported', 'Only JSON is served');
    }
    const target = route(request.method ?? 'GET', url.pathname);
    const body = await readBody(request, MAX_BODY);
    const form = target.form ? [...new URLSearchParams(body.toString('utf8'))] : [];
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, value?.toString()]),
    );
    return { ...target, pairs: [...url.searchParams, ...form], headers, body };
  } catch (error) {
    if (error instanceof Failure) return { failure: error };
    if (error instanceof BodyTooLarge) {
      return { failure: new Failure(413, 'too-long', error.message, { connection: 'close' }) };
    }
    throw error;
  }
}

type Target = Pick<FhirCall, 'interaction' | 'id' | 'versionId'> & { readonly form: boolean };

function route(method: string, path: string): Target {
  const none = { id: '', versionId: '', form: false };
  const [type, id, history, versionId, ...rest] = path.startsWith(`${PATH}/`)
    ? path.slice(PATH.length + 1).split('/')
    : [];
  const verb = method === 'HEAD' ? 'GET' : method;
  if (type === 'metadata' && id === undefined)
    return only(verb, { GET: { ...none, interaction: 'metadata' } });
  if (type !== 'Observation' || rest.length > 0)
    throw new Failure(404, 'not-supported', 'Only Observation is served');
  if (id === undefined || id === '') {
    return only(verb, {
      GET: { ...none, interaction: 'search' },
      POST: { ...none, interaction: 'create' },
      PUT: { ...none, interaction: 'update' },
    });
  }
  if (id === '_search') return only(verb, { POST: { ...none, interaction: 'search', form: true } });
  if (history === undefined) {
    return only(verb, {
      GET: { ...none, id, interaction: 'read' },
      PUT: { ...none, id, interaction: 'update' },
    });
  }
  if (history === '_history' && versionId !== undefined) {
    return only(verb, { GET: { ...none, id, versionId, interaction: 'vread' } });
  }
  throw new Failure(404, 'not-supported', 'Not served');
}

function only(method: string, targets: Readonly<Record<string, Target>>): Target {
  const target = Object.hasOwn(targets, method) ? targets[method] : undefined;
  if (target) return target;
  const allow = Object.keys(targets).join(', ');
  throw new Failure(405, 'not-supported', `Only ${allow}`, { allow });
}
