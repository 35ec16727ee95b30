import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Dial, WireDial } from '../faults/dial.ts';
import { openGate } from '../faults/gate.ts';
import { createJournal, type Journal } from '../faults/journal.ts';
import { createSwitchboard, type Switchboard } from '../faults/switchboard.ts';
import { isTouched, PLANTED } from '../faults/planted/index.ts';
import type { PlantedFault } from '../faults/planted/fault.ts';
import { isPlanted } from '../faults/catalogue.ts';
import { appliesUnder, BodyTooLarge, readBody, sendUnder, urlHost, type HttpAnswer } from '../http.ts';
import { capabilityStatement } from './capability.ts';
import { Failure, outcome } from './failure.ts';
import { fhirAnswer, perform, readResource, type FhirCall, type Served } from './interactions.ts';
import { isObject, objects, parseJson, string, type Resource } from './json.ts';
import { createStore, type Store, type Version } from './store.ts';
import { TYPES } from './types/index.ts';
import type { ResourceType } from './types/type.ts';

export interface ModernServiceOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8092; 0: any free port. */
  readonly port?: number;
  /** A file with a Bundle or a JSON list of resources, each with its id. Without it the service starts empty. */
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

/**
 * Starts the modern FHIR R4 service: resources of a few types, kept as they were sent, under the ids that clients give.
 */
export async function createModernService(options: ModernServiceOptions = {}): Promise<ModernService> {
  const { host = '127.0.0.1', now = Date.now } = options;
  const switchboard = options.switchboard ?? createSwitchboard();
  const journal = options.journal ?? createJournal(now);
  const stores = new Map(TYPES.map((type): [ResourceType, Store] => [type, createStore(now)]));
  const storeOf = (type: ResourceType): Store => {
    const store = stores.get(type);
    if (!store) throw new Error(`${type.name} is not kept`);
    return store;
  };
  const started = new Date(now()).toISOString();
  const reset = async (): Promise<void> => {
    const seed = options.seedFile === undefined ? [] : await readSeed(options.seedFile);
    for (const store of stores.values()) store.clear();
    for (const text of seed) {
      const resource = readResource(text);
      const type = TYPES.find(({ name }) => name === resource.resourceType);
      if (type) storeOf(type).put(string(resource['id']), resource);
    }
  };
  await reset();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = await readCall(request);
    const name = operationOf(call);
    const dial = await switchboard.take('modern', name);
    const planted = isRead(call) ? switchboard.planted('modern', name) : [];
    const base = baseOf();
    const answer = appliesUnder(dial) ? respond(call, base, planted) : fhirAnswer(200, '');
    const fault = dial?.fault ?? planted.at(-1)?.fault;
    journal.add({
      protocol: 'modern',
      operation: name,
      controlId: String(request.headers['x-request-id'] ?? ''),
      sender: '',
      outcome: outcomeOf(dial, answer),
      code: String(answer.status),
      bytes: 'body' in call ? call.body.length : 0,
      ...(fault === undefined ? {} : { fault }),
    });
    await sendUnder(dial, answer, response, switchboard, request.method === 'HEAD');
  };
  const respond = (call: Call, base: string, planted: readonly Dial[]): HttpAnswer => {
    try {
      if ('failure' in call) throw call.failure;
      if (!('type' in call)) return fhirAnswer(200, capabilityStatement(base, started));
      return perform(call, { storeOf, base, ...spoiling(planted) });
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

/** What came over the wire: an interaction with a type, a question for the CapabilityStatement, or neither. */
type Call = FhirCall | { readonly interaction: 'metadata' } | { readonly failure: Failure };

function operationOf(call: Call): string {
  if ('failure' in call) return 'unreadable';
  return 'type' in call ? `${call.type.name}.${call.interaction}` : call.interaction;
}

function isRead(call: Call): boolean {
  return 'type' in call && ['read', 'vread', 'search'].includes(call.interaction);
}

/** What the planted faults make of resources and pages. */
function spoiling(planted: readonly Dial[]): Pick<Served, 'shown' | 'ordered'> {
  const faults = planted.flatMap(({ fault, percent = 100 }): [string, number, PlantedFault][] =>
    isPlanted(fault) ? [[fault, percent, PLANTED[fault]]] : [],
  );
  const shown = (resource: Resource): Resource =>
    faults.reduce(
      (now, [name, percent, fault]) =>
        fault.resource && isTouched(name, percent, resource) ? fault.resource(now) : now,
      resource,
    );
  const ordered = (page: readonly Version[]): readonly Version[] =>
    faults.reduce(
      (now, [name, percent, fault]) =>
        fault.page && page[0] && isTouched(name, percent, page[0].resource) ? fault.page(now) : now,
      page,
    );
  return { shown, ordered };
}

function outcomeOf(dial: WireDial | undefined, answer: HttpAnswer): 'accepted' | 'refused' | 'ignored' {
  if (!appliesUnder(dial)) return dial?.fault === 'status' ? 'refused' : 'ignored';
  return answer.status < 400 ? 'accepted' : 'refused';
}

async function readCall(request: IncomingMessage): Promise<Call> {
  try {
    const url = new URL(request.url ?? '/', 'http://service');
    const accept = request.headers.accept ?? '*/*';
    if (!/json|\*\/\*|application\/\*/.test(url.searchParams.get('_format') ?? accept)) {
      throw new Failure(406, 'not-supported', 'Only JSON is served');
    }
    const target = route(request.method ?? 'GET', url.pathname);
    if (!('type' in target)) return target;
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

type Target = Pick<FhirCall, 'interaction' | 'type' | 'id' | 'versionId'> & { readonly form: boolean };

function route(method: string, path: string): Target | { readonly interaction: 'metadata' } {
  const [typeName, id, history, versionId, ...rest] = path.startsWith(`${PATH}/`)
    ? path.slice(PATH.length + 1).split('/')
    : [];
  const verb = method === 'HEAD' ? 'GET' : method;
  if (typeName === 'metadata' && id === undefined) return only(verb, { GET: { interaction: 'metadata' } });
  const type = TYPES.find(({ name }) => name === typeName);
  if (!type || rest.length > 0) {
    const names = TYPES.map(({ name }) => name).join(', ');
    throw new Failure(404, 'not-supported', `Only ${names} are served`);
  }
  const none = { type, id: '', versionId: '', form: false };
  if (id === undefined || id === '') {
    return only<Target>(verb, {
      GET: { ...none, interaction: 'search' },
      POST: { ...none, interaction: 'create' },
      PUT: { ...none, interaction: 'update' },
    });
  }
  if (id === '_search') return only<Target>(verb, { POST: { ...none, interaction: 'search', form: true } });
  if (history === undefined) {
    return only<Target>(verb, {
      GET: { ...none, id, interaction: 'read' },
      PUT: { ...none, id, interaction: 'update' },
    });
  }
  if (history === '_history' && versionId !== undefined) {
    return only<Target>(verb, { GET: { ...none, id, versionId, interaction: 'vread' } });
  }
  throw new Failure(404, 'not-supported', 'Not served');
}

function only<T>(method: string, targets: Readonly<Record<string, T>>): T {
  const target = Object.hasOwn(targets, method) ? targets[method] : undefined;
  if (target) return target;
  const allow = Object.keys(targets).join(', ');
  throw new Failure(405, 'not-supported', `Only ${allow}`, { allow });
}
