import { findDemoPatients, listDemoPatients } from '../../src/cli/demo-data.ts';
import type { DemoPatient } from '../../src/cli/demo-data.ts';
import { fillModern } from '../../src/cli/demo-fill.ts';
import { createLogger } from '../../src/log.ts';
import type { Hospital } from './hospital.ts';

/** An answer of the admin API. */
export interface Said {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> & {
    readonly message?: string;
    readonly reasons?: readonly string[];
  };
}

export interface GateSaid {
  readonly name: string;
  readonly verdict: string;
  readonly words: string;
}

export interface DiffSaid {
  readonly signature: string;
  readonly severity: string;
  readonly count: number;
  readonly samples: readonly string[];
  readonly rule?: { readonly verdict: string };
}

/** The admin API as a migration team uses it, every change signed. */
export interface MigrationDesk {
  get(path: string): Promise<Said>;
  post(path: string, body?: object): Promise<Said>;
  /** Verdicts of the next step by gate. */
  gates(endpoint: string): Promise<Readonly<Record<string, GateSaid>>>;
  diffs(endpoint: string): Promise<{
    readonly comparisons: Readonly<Record<string, number>>;
    readonly differences: readonly DiffSaid[];
  }>;
  stage(endpoint: string): Promise<string>;
}

export function migrationDesk({ ficus }: Pick<Hospital, 'ficus'>): MigrationDesk {
  async function ask(method: string, path: string, body?: object): Promise<Said> {
    const response = await fetch(`${ficus.adminBase}${path}`, {
      method,
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: (await response.json()) as Said['body'] };
  }
  const get = (path: string) => ask('GET', path);
  return {
    get,
    post: (path, body = {}) => ask('POST', path, { by: 'integration', reason: 'a test', ...body }),
    async gates(endpoint) {
      const { body } = await get(`/migration/${endpoint}`);
      const { gates } = body['next'] as { gates: readonly GateSaid[] };
      return Object.fromEntries(gates.map((gate) => [gate.name, gate]));
    },
    async diffs(endpoint) {
      return (await get(`/migration/${endpoint}/diffs`)).body as never;
    },
    async stage(endpoint) {
      return ((await get(`/migration/${endpoint}`)).body['route'] as { stage: string }).stage;
    },
  };
}

/** Gives the modern service every Observation that the core has. @returns the patients */
export async function fillSandbox({ ficus, sandbox }: Hospital): Promise<readonly DemoPatient[]> {
  const log = createLogger({ level: 'silent' });
  const { backends } = ficus;
  const core = backends.get('core');
  const clinical = backends.get('clinical');
  if (!core || !clinical) throw new Error('The demo has no core');
  const { control, modern } = sandbox.addresses;
  const patients = await findDemoPatients({ core, listed: await listDemoPatients(control), log });
  await fillModern({ legacy: clinical, modernBase: modern, patientIds: patients.map(({ id }) => id), log });
  return patients;
}

/** Waits until something holds; what it was about is said when it never does. */
export async function until(
  words: string,
  holds: () => Promise<boolean> | boolean,
  withinMs = 120_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`It never came to be that ${words}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
