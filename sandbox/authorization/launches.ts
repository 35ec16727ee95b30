import { randomBytes } from 'node:crypto';

/** What an application is launched with. */
export interface LaunchContext {
  /** Logical id of the patient, as the FHIR API gives it. */
  readonly patient?: string;
  /** As the pages call the patient; no part of a token. */
  readonly patientName?: string;
  readonly encounter?: string;
  /** Whether the application must show whose record it is: nothing around it does. */
  readonly needPatientBanner: boolean;
}

/** A launch that the record system has begun, until an application takes it up. */
interface Launch {
  /** Id of the user who has the record open. */
  readonly user: string;
  readonly context: LaunchContext;
  readonly until: number;
}

const LAUNCH_MS = 5 * 60_000;

/** The launches out of the record system: a handle each, good once, for five minutes. */
export class Launches {
  readonly #open = new Map<string, Launch>();

  begin(launch: Omit<Launch, 'until'>): string {
    const now = Date.now();
    for (const [handle, { until }] of this.#open) if (until <= now) this.#open.delete(handle);
    const handle = randomBytes(24).toString('base64url');
    this.#open.set(handle, { ...launch, until: now + LAUNCH_MS });
    return handle;
  }

  find(handle: string): Launch | undefined {
    const launch = this.#open.get(handle);
    return launch && launch.until > Date.now() ? launch : undefined;
  }

  /** It is taken up: nobody else takes it up again. */
  end(handle: string): void {
    this.#open.delete(handle);
  }
}
