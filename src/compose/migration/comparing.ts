import type { MigrationConfig } from '../../config/migration-schema.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Difference, EvidenceSink, Pins, Severity } from '../../migration-ports.ts';
import type { Backend, Clock, Logger, Route } from '../../ports.ts';
import type { ComparableAnswer } from '../../strangler/compare/answer.ts';
import { compareAnswers } from '../../strangler/compare/compare.ts';
import { createReferences } from '../../strangler/compare/references.ts';
import type { ParseQuery } from '../../strangler/experiment/asked-request.ts';
import { createCapture } from '../../strangler/experiment/capture.ts';
import { createExperiment } from '../../strangler/experiment/experiment.ts';
import type { RunningExperiment } from '../../strangler/experiment/experiment.ts';
import { createReplays } from '../../strangler/experiment/replay.ts';
import type { Replays } from '../../strangler/experiment/replay.ts';
import { createRuleBook } from '../../strangler/experiment/rules.ts';
import type { RuleBook } from '../../strangler/experiment/rules.ts';
import { createSamples, ownersMayOpen } from '../../strangler/experiment/samples.ts';
import type { Samples } from '../../strangler/experiment/samples.ts';
import type { RouteTable } from '../../strangler/table.ts';
import type { Stores } from '../../store/stores.ts';
import type { Assembly } from '../assembly.ts';

export interface ComparingOptions {
  readonly config: MigrationConfig;
  readonly stores: Pick<Stores, 'rules' | 'samples' | 'captures'>;
  readonly table: RouteTable;
  /** By name, without queue, breaker and retry. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly compare: Compare;
  readonly pins: Pins;
  readonly evidence: EvidenceSink;
  /** How grave a signature is, where it was seen in the endpoint's run. */
  readonly severityOf: (endpoint: Endpoint, signature: string) => Severity | undefined;
  readonly freshRun: (endpoint: Endpoint, by: string, reason?: string) => Promise<unknown>;
  readonly parse: ParseQuery;
  readonly key: Uint8Array;
  readonly clock: Clock;
  readonly calendar: Clock;
  readonly log: Logger;
}

/** What finds, keeps and explains differences. */
export interface Comparing {
  readonly experiment: RunningExperiment;
  readonly rules: RuleBook;
  readonly samples: Samples;
  readonly replays: Replays;
  /** Begins nothing any more; what is under way has a moment to end. */
  stop(): Promise<void>;
}

export type Compare = (legacy: ComparableAnswer, modern: ComparableAnswer) => readonly Difference[];

/** @param bases FHIR base addresses that are ours: what clients see, and those of modern services */
export function createCompare(
  { severities, mustSupport, codeMaps }: Pick<Assembly, 'severities' | 'mustSupport' | 'codeMaps'>,
  bases: readonly string[],
): Compare {
  const options = { severities, mustSupport, codeMaps, canonicalReference: createReferences({ bases }) };
  return (legacy, modern) => compareAnswers(legacy, modern, options);
}

export async function createComparing(options: ComparingOptions): Promise<Comparing> {
  const { config, stores, table, key, clock, calendar, log, evidence, parse, pins } = options;
  const rules = await createRuleBook({
    store: stores.rules,
    clock: calendar,
    log,
    clinicalOwnerOf: (endpoint) => table.get(endpoint)?.owners?.clinical,
    severityOf: options.severityOf,
  });
  const { hours, perSignature } = config.samples;
  const samples = createSamples({
    store: stores.samples,
    key,
    hours,
    perSignature,
    mayOpen: ownersMayOpen((endpoint) => table.get(endpoint)),
    clock,
    log,
  });
  const capture = await createCapture({ store: stores.captures, key, ...config.capture, clock, log });
  const experiment = createExperiment({
    backends: options.backends,
    compare: options.compare,
    limits: config.shadow,
    evidence,
    rules,
    ...(hours > 0 ? { samples } : {}),
    ...(config.capture.days > 0 ? { capture } : {}),
    pins,
    createdAtModernOnly: (type) => isAtModernOnly(table.get(`${type}.create`)),
    parse,
    key,
    clock,
    log,
  });
  const replays = createReplays({
    capture,
    experiment,
    routeOf: (endpoint) => table.get(endpoint),
    freshRun: options.freshRun,
    parse,
    clock,
    log,
  });
  return {
    experiment,
    rules,
    samples,
    replays,
    async stop() {
      await replays.stop();
      await experiment.stop();
      await capture.stop();
      samples.stop();
    },
  };
}

/** Whether no other side hears of what a route writes at modern. */
function isAtModernOnly(route: Route | undefined): boolean {
  return route !== undefined && route.modern !== undefined && route.legacy === undefined;
}
