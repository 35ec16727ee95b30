import { randomBytes } from 'node:crypto';
import { createJournal, type Journal } from '../faults/journal.ts';
import { createSwitchboard, type Switchboard } from '../faults/switchboard.ts';
import { createDuplicates } from './mllp/duplicates.ts';
import { openMllp } from './mllp/server.ts';
import { openSoap } from './soap/server.ts';
import type { Credentials } from './soap/security.ts';
import { createHospital, type Hospital } from './state/hospital.ts';
import { loadSeed } from './state/seed.ts';

export interface LegacyCoreOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 2575; 0: any free port. */
  readonly mllpPort?: number;
  /** Default 8091; 0: any free port. */
  readonly soapPort?: number;
  /**
   * WS-Security of the SOAP service: who may call, or `false` for everybody. By default the user is `ficus` and the
   * password is made up; see `credentials` of the result.
   */
  readonly security?: Credentials | false;
  /** Made-up people with results beside the patients of the data files; default 0. */
  readonly others?: number;
  readonly switchboard?: Switchboard;
  readonly journal?: Journal;
  /** Epoch milliseconds; default the system's clock. */
  readonly now?: () => number;
}

export interface LegacyCore {
  readonly mllpPort: number;
  readonly soapPort: number;
  /** Undefined when WS-Security is off. */
  readonly credentials: Credentials | undefined;
  /** What the core knows just now. */
  readonly hospital: () => Hospital;
  readonly switchboard: Switchboard;
  readonly journal: Journal;
  /** Back to the seed; forgets orders, bookings, duplicates and open queries. */
  readonly reset: () => void;
  readonly close: () => Promise<void>;
}

/** Starts the stateful legacy core: HL7v2 over MLLP, SOAP, and the old web portal beside it. */
export async function createLegacyCore(options: LegacyCoreOptions = {}): Promise<LegacyCore> {
  const { host = '127.0.0.1', now = Date.now, security } = options;
  const switchboard = options.switchboard ?? createSwitchboard();
  const journal = options.journal ?? createJournal(now);
  const credentials =
    security === false
      ? undefined
      : (security ?? { user: 'ficus', password: randomBytes(12).toString('base64url') });
  const seed = loadSeed(options.others);
  const duplicates = createDuplicates();
  let current = createHospital(seed, now);
  const hospital = (): Hospital => current;
  const shared = { host, hospital, journal, switchboard };
  const mllp = await openMllp({ ...shared, port: options.mllpPort ?? 2575, duplicates });
  const soap = await openSoap({ ...shared, port: options.soapPort ?? 8091, seed, credentials, now }).catch(
    async (error: unknown) => {
      await mllp.close();
      throw error;
    },
  );
  return {
    mllpPort: mllp.port,
    soapPort: soap.port,
    credentials,
    hospital,
    switchboard,
    journal,
    reset() {
      current = createHospital(seed, now);
      duplicates.clear();
    },
    close: async () => {
      await Promise.all([mllp.close(), soap.close()]);
    },
  };
}
