import { resolve } from 'node:path';
import { expect } from 'vitest';
import { loadAdminDocument } from '../../../src/compose/migration/document.ts';
import { compileSchema, operationsOf } from '../../../src/http/admin-contract.ts';
import type { ApiDocument, ApiOperation, ApiSchema } from '../../../src/http/admin-contract.ts';
import { startHospital } from '../../support/hospital.ts';
import type { Hospital } from '../../support/hospital.ts';
import { fillSandbox, until } from '../../support/migration-desk.ts';
import { startCore } from '../mllp-core.ts';
import type { Core } from '../mllp-core.ts';

export const document = loadAdminDocument();
export const operations = operationsOf(document);
/** The document with its schemas taken at their word: a member that one does not name is a difference. */
export const strict = closed(document) as ApiDocument;

/** What signs a change. */
export const SIGNED = { by: 'laboratory', reason: 'a test of the admin API' };

/** What an operation is asked with; a name in braces of its path is taken from here. */
interface Asked {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: object;
}

interface Said {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

type Body = Record<string, unknown>;

/** A hospital that runs, and its admin API held to the document. */
export interface Desk {
  readonly hospital: Hospital;
  /** Where its feed sends application acknowledgements, which refuses them. */
  readonly replies: Core;
  /** FHIR id of one patient. */
  readonly patient: string;
  readonly stateDir: string;
  /** Operations that answered as the document promises. */
  readonly answered: Set<string>;
  readonly ask: (id: string, asked?: Asked) => Promise<Said>;
  /** The answer of an operation, once it has been found to be what the document promises. */
  readonly fitting: (id: string, asked?: Asked) => Promise<Body>;
  /** The newest answer of an operation, once it is of a kind. */
  readonly when: (id: string, asked: Asked, is: (body: Body) => boolean) => Promise<Body>;
}

export async function startDesk(): Promise<Desk> {
  let stateDir = '';
  // Refuses application acknowledgements.
  const replies = await startCore((message) => message.ack('CE'));
  const hospital = await startHospital((loaded) => {
    const { config } = loaded;
    stateDir = resolve(loaded.baseDir, config.stateDir);
    const { shadow, gates, capture, ...migration } = config.migration;
    return {
      ...loaded,
      config: {
        ...config,
        migration: {
          ...migration,
          shadow: { ...shadow, rereadMs: 20 },
          gates: { ...gates, criticalRate: 0.9, minPatients: 1, minCalls: 1 },
          capture: { ...capture, days: 1 },
        },
        feed: {
          ...config.feed!,
          interfaces: {
            ...config.feed!.interfaces,
            hospix: {
              ...config.feed!.interfaces['hospix']!,
              replies: { host: '127.0.0.1', port: replies.port, giveUpHours: 1 },
            },
          },
          copies: [{ to: 'observations', types: ['Patient'], owner: 'laboratory' }],
          subscribers: [
            {
              name: 'portal',
              topic: 'patient-merge',
              url: 'http://127.0.0.1:9/merges',
              owner: 'portal',
              allowLoopback: true,
              networks: [],
            },
          ],
        },
      },
    };
  });
  await fillSandbox(hospital);
  const patient = await hospital.patientId('100001');

  async function ask(id: string, { params = {}, query = '', body }: Asked = {}): Promise<Said> {
    const { method, path } = operationOf(id);
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const response = await fetch(`${hospital.ficus.adminBase}${filled}${query}`, {
      method: method.toUpperCase(),
      ...(method === 'get'
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? SIGNED) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') === true;
    const said = json ? (JSON.parse(text) as Body) : {};
    return { status: response.status, headers: response.headers, text, body: said };
  }

  const answered = new Set<string>();

  async function fitting(id: string, asked: Asked = {}): Promise<Body> {
    const said = await ask(id, asked);
    const schema = operationsOf(strict).find((one) => one.id === id)?.answers[String(said.status)];
    expect(schema, `${id} answered ${said.status}: ${said.text}`).toBeDefined();
    const { error } = compileSchema(strict, schema as ApiSchema).safeParse(said.body);
    expect(error?.issues, id).toBeUndefined();
    answered.add(id);
    return said.body;
  }

  async function when(id: string, asked: Asked, is: (body: Body) => boolean): Promise<Body> {
    let body: Body = {};
    await until(`${id} says so`, async () => {
      body = await fitting(id, asked);
      return is(body);
    });
    return body;
  }

  return { hospital, replies, patient, stateDir, answered, ask, fitting, when };
}

function operationOf(id: string): ApiOperation {
  const found = operations.find((one) => one.id === id);
  if (!found) throw new Error(`The document has no operation ${id}`);
  return found;
}

/** Every object that lists its members has no others. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, closed(member)] as const);
  const copy: Record<string, unknown> = Object.fromEntries(members);
  const lists = copy['type'] === 'object' && typeof copy['properties'] === 'object';
  return lists && !('additionalProperties' in copy) ? { ...copy, additionalProperties: false } : copy;
}
