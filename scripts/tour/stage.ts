import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDialCommand } from '../../sandbox/faults/shorthand.ts';
import { findPatients } from '../../sandbox/load/people.ts';
import { runLoad, type LoadReport } from '../../sandbox/load/index.ts';
import { askAdmin, askAdminText } from '../../src/cli/admin-client.ts';
import { demoConfig, ensureSecrets } from '../../src/cli/demo-config.ts';
import { welcomePeople } from '../../src/cli/demo-people.ts';
import { inParallel } from '../../src/cli/in-parallel.ts';
import { compose } from '../../src/compose.ts';
import { createLogger } from '../../src/log.ts';
import { createFastClock, type FastClock } from './fast-clock.ts';
import { startHospitalProcess } from './hospital.ts';

/** Searches that the machine is tried with, and which part of its limit is asked of it: each search is asked of both sides. */
const TRIAL = 200;
const COMFORT = 0.3;
const [SLOWEST, FASTEST] = [10, 100];

/** How a client was answered. */
export interface Served {
  readonly status: string;
  readonly by: string;
}

/** A hospital, Ficus in front of it, and applications that ask. */
export interface TourStage {
  readonly calendar: FastClock;
  readonly patients: number;
  /** A call of the admin API. Throws an Error with its words, every reason on a line. */
  admin<T>(path: string, body?: object, method?: 'POST' | 'DELETE'): Promise<T>;
  adminText(path: string): Promise<string>;
  /** `observations --5xx 30`, as `ficus sandbox dial` has it. */
  dial(line: string): Promise<void>;
  /** Waits until the breaker of the modern service lets clients through again: reads of results are answered by it. */
  recovered(): Promise<void>;
  /** Searches a second that this machine carries with ease: a part of those that it manages at its limit. */
  comfortable(): Promise<number>;
  /** The applications begin to ask; resolves with what they got when they have been told to stop. */
  beginLoad(perSecond: number): {
    readonly stop: () => Promise<LoadReport>;
    readonly served: readonly Served[];
  };
  close(): Promise<void>;
}

/** @param factor how fast the calendar runs at first */
export async function openStage(factor: number): Promise<TourStage> {
  const state = mkdtempSync(join(tmpdir(), 'ficus-tour-'));
  const password = ensureSecrets(state);
  const sandbox = await startHospitalProcess(password);
  const calendar = createFastClock(factor);
  const log = createLogger({ level: 'silent' });
  const { config, baseDir } = demoConfig(sandbox.addresses, state, { fhir: 0, admin: 0 });
  const { migration } = config;
  // As in a hospital: through the gates only, and a month before the door closes.
  const gates = { ...migration.gates, retireDays: 30 };
  const ficus = await compose(
    { baseDir, config: { ...config, migration: { ...migration, mayForce: false, gates } } },
    { log, calendar },
  ).catch(async (error: unknown) => {
    await sandbox.close();
    throw error;
  });
  const close = async (): Promise<void> => {
    await ficus.stop();
    await sandbox.close();
    rmSync(state, { recursive: true, force: true });
  };
  try {
    const people = await welcomePeople(ficus, sandbox.addresses, log, new AbortController().signal);
    await people.others;
    const patients = await findPatients(ficus.publicBase, sandbox.addresses.control);
    return {
      calendar,
      patients: patients.length,
      admin: (path, body, method = 'POST') => askAdmin(ficus.adminBase, path, body && { method, body }),
      adminText: (path) => askAdminText(ficus.adminBase, path),
      async dial(line) {
        const [service = '', ...args] = line.split(' ');
        const { clear, dials } = parseDialCommand(service, args);
        const { control } = sandbox.addresses;
        if (clear) await fetch(`${control}/dials`, { method: 'DELETE' });
        for (const dial of dials)
          await fetch(`${control}/dials`, { method: 'POST', body: JSON.stringify(dial) });
      },
      async recovered() {
        const bundle = (await (
          await fetch(`${ficus.publicBase}/Observation?patient=${patients[0]?.id ?? ''}&_count=1`)
        ).json()) as { entry?: { resource: { id: string } }[] };
        const address = `${ficus.publicBase}/Observation/${bundle.entry?.[0]?.resource.id ?? ''}`;
        for (let good = 0, tries = 0; good < 5; tries += 1) {
          if (tries > 240) throw new Error('The modern service does not answer clients again.');
          const response = await fetch(address);
          await response.arrayBuffer();
          good = response.headers.get('x-served-by') === 'modern:observations' ? good + 1 : 0;
          if (good === 0) await pause(250);
        }
      },
      async comfortable() {
        const begun = performance.now();
        const asked = patients.slice(0, TRIAL);
        await inParallel(4, asked, async ({ id }) => {
          await (await fetch(`${ficus.publicBase}/Observation?patient=${id}`)).arrayBuffer();
        });
        const most = (asked.length * 1_000) / (performance.now() - begun);
        return Math.round(Math.min(FASTEST, Math.max(SLOWEST, most * COMFORT)));
      },
      beginLoad(perSecond) {
        const ending = new AbortController();
        const served: Served[] = [];
        const report = runLoad({
          fhirBase: ficus.publicBase,
          patients,
          reads: perSecond,
          seconds: 3_600,
          endpoints: ['Observation.search'],
          signal: ending.signal,
          onOutcome: ({ result }) =>
            served.push(
              'status' in result
                ? { status: String(result.status), by: result.servedBy }
                : { status: 'no answer', by: 'nobody' },
            ),
        });
        return {
          served,
          stop: () => {
            ending.abort();
            return report;
          },
        };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
