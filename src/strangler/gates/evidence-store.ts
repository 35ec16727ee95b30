import type { Endpoint } from '../../fhir/types.ts';
import type { ContractCheck } from './contract-check.ts';
import type { GateReport } from './gate.ts';
import type { Waiver } from './waiver.ts';

/** Which of the hashes of a run: patients and requests compared, requests replayed. */
export const HASH_KINDS = ['patients', 'requests', 'replayed'] as const;
export type HashKind = (typeof HASH_KINDS)[number];
export type RunHashes = Readonly<Record<HashKind, readonly string[]>>;

/** What is known of a run now; `body` replaces what was stored, hashes are added to it. */
export interface RunSaved {
  readonly endpoint: Endpoint;
  readonly run: number;
  /** JSON text, the store's to keep and nobody's to read but who wrote it. */
  readonly body: string;
  readonly added: RunHashes;
}

export interface TrafficSaved {
  readonly endpoint: Endpoint;
  readonly body: string;
}

/** A step that was taken, with what the gates said at that moment. */
export interface StepTaken {
  readonly endpoint: Endpoint;
  /** Version of the route that the step made. */
  readonly version: number;
  readonly report: GateReport;
}

/** What was seen of endpoints, as it survives a restart. No patient data is in it: paths, counts and keyed hashes. */
export interface EvidenceStore {
  /**
   * Keeps what has changed: all of it or nothing.
   * @param durable false: power cut may lose the last of it, in return it costs no wait for the disk; what is there
   *   stays whole
   */
  save(runs: readonly RunSaved[], traffic: readonly TrafficSaved[], durable: boolean): Promise<void>;
  /** One run with its hashes; undefined: nothing of it is kept. */
  run(
    endpoint: Endpoint,
    run: number,
  ): Promise<{ readonly body: string; readonly hashes: RunHashes } | undefined>;
  /** Every run of an endpoint, oldest first. */
  runs(endpoint: Endpoint): Promise<readonly { readonly run: number; readonly body: string }[]>;
  traffic(endpoint: Endpoint): Promise<string | undefined>;
  /** Adds a waiver; none is ever changed. */
  addWaiver(waiver: Waiver): Promise<void>;
  /** Every waiver of an endpoint, oldest first. */
  waivers(endpoint: Endpoint): Promise<readonly Waiver[]>;
  /** Adds a step; none is ever changed. */
  addStep(step: StepTaken): Promise<void>;
  /** Every step of an endpoint, oldest first. */
  steps(endpoint: Endpoint): Promise<readonly StepTaken[]>;
  /** Replaces what is known of a backend. */
  saveContractCheck(check: ContractCheck): Promise<void>;
  contractCheck(backend: string): Promise<ContractCheck | undefined>;
}
