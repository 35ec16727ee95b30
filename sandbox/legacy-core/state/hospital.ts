import { hl7Timestamp, localTimestamp } from '../../time.ts';
import { createContinuations, type Continuations } from './continuations.ts';
import { createOrders, type Orders } from './orders.ts';
import { createPatients, type Patients } from './patients.ts';
import { createRecords, type Records } from './records.ts';
import type { Seed } from './seed.ts';

/** Everything the legacy core knows. It lives in memory and starts again from the seed on `reset`. */
export interface Hospital {
  readonly patients: Patients;
  readonly orders: Orders;
  readonly records: Records;
  /** Codes that can be ordered, ours and LOINC. */
  readonly services: ReadonlySet<string>;
  /** Open query continuations (DSC). */
  readonly continuations: Continuations;
  /** Hospital time, `yyyyMMddHHmmss`. */
  readonly hl7Now: () => string;
  /** Hospital time, `yyyy-MM-ddTHH:mm:ss`. */
  readonly localNow: () => string;
}

/** @param now epoch milliseconds */
export function createHospital(seed: Seed, now: () => number): Hospital {
  const patients = createPatients(seed.patients);
  return {
    patients,
    orders: createOrders(),
    records: createRecords(seed, patients),
    services: seed.services,
    continuations: createContinuations(),
    hl7Now: () => hl7Timestamp(now()),
    localNow: () => localTimestamp(now()),
  };
}
