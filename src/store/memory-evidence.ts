import type { Endpoint } from '../fhir/types.ts';
import type { ContractCheck } from '../strangler/gates/contract-check.ts';
import { HASH_KINDS } from '../strangler/gates/evidence-store.ts';
import type { EvidenceStore, HashKind, RunHashes, StepTaken } from '../strangler/gates/evidence-store.ts';
import type { Waiver } from '../strangler/gates/waiver.ts';

interface KeptRun {
  body: string;
  readonly hashes: Readonly<Record<HashKind, Set<string>>>;
}

/** Evidence that lives and dies with the process. */
export function createMemoryEvidenceStore(): EvidenceStore {
  const runs = new Map<Endpoint, Map<number, KeptRun>>();
  const traffic = new Map<Endpoint, string>();
  const waivers: Waiver[] = [];
  const steps: StepTaken[] = [];
  const checks = new Map<string, ContractCheck>();
  const runsOf = (endpoint: Endpoint) => [...(runs.get(endpoint) ?? [])].toSorted(([a], [b]) => a - b);
  return {
    async save(changed, moved) {
      for (const { endpoint, run, body, added } of changed) {
        const kept = runs.get(endpoint) ?? new Map<number, KeptRun>();
        runs.set(endpoint, kept);
        const there = kept.get(run) ?? { body, hashes: noHashes() };
        kept.set(run, there);
        there.body = body;
        for (const kind of HASH_KINDS) for (const hash of added[kind]) there.hashes[kind].add(hash);
      }
      for (const { endpoint, body } of moved) traffic.set(endpoint, body);
    },
    async run(endpoint, run) {
      const kept = runs.get(endpoint)?.get(run);
      return kept && { body: kept.body, hashes: listed(kept.hashes) };
    },
    runs: async (endpoint) => runsOf(endpoint).map(([run, { body }]) => ({ run, body })),
    traffic: async (endpoint) => traffic.get(endpoint),
    async addWaiver(waiver) {
      waivers.push(waiver);
    },
    waivers: async (endpoint) => waivers.filter((waiver) => waiver.endpoint === endpoint),
    async addStep(step) {
      const known = steps.some(
        ({ endpoint, version }) => endpoint === step.endpoint && version === step.version,
      );
      if (known) throw new Error(`the step to version ${step.version} of ${step.endpoint} is kept already`);
      steps.push(step);
    },
    steps: async (endpoint) =>
      steps.filter((step) => step.endpoint === endpoint).toSorted((a, b) => a.version - b.version),
    async saveContractCheck(check) {
      checks.set(check.backend, check);
    },
    contractCheck: async (backend) => checks.get(backend),
  };
}

const noHashes = (): KeptRun['hashes'] => ({ patients: new Set(), requests: new Set(), replayed: new Set() });

const listed = ({ patients, requests, replayed }: KeptRun['hashes']): RunHashes => ({
  patients: [...patients].toSorted(),
  requests: [...requests].toSorted(),
  replayed: [...replayed].toSorted(),
});
