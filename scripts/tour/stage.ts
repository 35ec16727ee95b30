import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findPatients, type LoadPatient } from '../../sandbox/load/people.ts';
import { askAdmin } from '../../src/cli/admin-client.ts';
import { demoConfig, ensureSecrets } from '../../src/cli/demo-config.ts';
import { welcomePeople } from '../../src/cli/demo-people.ts';
import { compose } from '../../src/compose.ts';
import { createLogger } from '../../src/log.ts';
import type { Cleaning } from './cleaning.ts';
import { createFastClock, type FastClock } from './fast-clock.ts';
import { startHospitalProcess } from './hospital.ts';
import { RETIRE_DAYS, SLACK_MS, type Plan } from './plan.ts';

/** A hospital, and Ficus in front of it. */
export interface TourStage {
  readonly calendar: FastClock;
  readonly patients: readonly LoadPatient[];
  /** Addresses. */
  readonly fhir: string;
  readonly admin: string;
  readonly control: string;
  /** GET of the admin API. */
  ask<T>(path: string): Promise<T>;
  /** Waits until clients are answered by the modern service again, whose breaker may have opened: reads of results are. */
  recovered(): Promise<void>;
}

/** Good answers in a row that say that it is well. */
const WELL = 5;
const LOOK_MS = 250;
const PATIENCE_MS = 120_000;

/** @param factor how fast the calendar runs at first */
export async function openStage(plan: Plan, factor: number, cleaning: Cleaning): Promise<TourStage> {
  const state = mkdtempSync(join(tmpdir(), 'ficus-tour-'));
  cleaning.add(() => rmSync(state, { recursive: true, force: true }));
  const password = ensureSecrets(state);
  const hospital = await startHospitalProcess(password, plan.others);
  cleaning.add(() => hospital.close());
  const { addresses } = hospital;
  const calendar = createFastClock(factor);
  const log = createLogger({ level: 'silent' });
  const ficus = await compose(configured(demoConfig(addresses, state, { fhir: 0, admin: 0 }), plan), {
    log,
    calendar,
  });
  const stopping = new AbortController();
  cleaning.add(async () => {
    stopping.abort();
    await ficus.stop();
  });
  const people = await welcomePeople(ficus, addresses, log, stopping.signal);
  await people.others;
  const patients = await findPatients(ficus.publicBase, addresses.control);
  return {
    calendar,
    patients,
    fhir: ficus.publicBase,
    admin: ficus.adminBase,
    control: addresses.control,
    ask: (path) => askAdmin({ address: ficus.adminBase }, path),
    recovered: () => recovered(ficus.publicBase, patients[0]?.id ?? ''),
  };
}

type Loaded = ReturnType<typeof demoConfig>;

/** The sandbox's configuration; as in a hospital, through the gates only, and a month before the door closes. */
function configured({ baseDir, config }: Loaded, { criticalRate, minPatients, steps }: Plan): Loaded {
  const { migration } = config;
  const gates = {
    ...migration.gates,
    criticalRate,
    minPatients,
    latencySlackMs: SLACK_MS,
    retireDays: RETIRE_DAYS,
  };
  const shadow = { ...migration.shadow, rereadMs: 200 };
  return {
    baseDir,
    config: { ...config, migration: { ...migration, mayForce: false, steps, gates, shadow } },
  };
}

async function recovered(fhir: string, patient: string): Promise<void> {
  const found = await fetch(`${fhir}/Observation?patient=${patient}&_count=1`);
  const { entry = [] } = (await found.json()) as { entry?: { resource: { id: string } }[] };
  const address = `${fhir}/Observation/${entry[0]?.resource.id ?? ''}`;
  const last = performance.now() + PATIENCE_MS;
  for (let good = 0; good < WELL;) {
    if (performance.now() > last) throw new Error('The modern service does not answer clients again.');
    const response = await fetch(address);
    await response.arrayBuffer();
    good = response.headers.get('x-served-by') === 'modern:observations' ? good + 1 : 0;
    if (good === 0) await pause(LOOK_MS);
  }
}
