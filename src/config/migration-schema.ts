import { z } from 'zod';
import { secretSource } from './secret.ts';

const ms = z.int().min(1).max(86_400_000);
const share = z.number().min(0).max(1);
/** A header's name (RFC 9110 §5.1), in any case. */
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/)
  .toLowerCase();

/** What moving endpoints is measured by and limited to; every part has defaults that suit a hospital. */
export const migrationConfig = z
  .strictObject({
    key: secretSource
      .exactOptional()
      .describe(
        '32 random bytes in base64: divides canaries, hashes evidence, seals samples and captures; default: derived from the oldest identity key',
      ),
    steps: z
      .array(z.number().min(1).max(100))
      .min(1)
      .check(({ value, issues }) => {
        for (const [index, percent] of value.entries())
          if (index > 0 && percent <= value[index - 1]!)
            issues.push({
              code: 'custom',
              input: value,
              path: [index],
              message: `${percent} is not more than ${value[index - 1]}: percentages rise from step to step`,
            });
      })
      .default([5, 25, 50])
      .describe('Percentages that a canary goes through, each more than the one before, before `modern`'),
    mayForce: z
      .boolean()
      .default(false)
      .describe(
        'Whether `ficus route set` may skip stages and gates (never out of `retired`); only fit for a sandbox',
      ),
    shadow: z
      .strictObject({
        share: share
          .default(1)
          .describe('Share of requests that are also asked of the other side, budgets permitting'),
        concurrency: z
          .int()
          .min(1)
          .max(64)
          .default(2)
          .describe('Shadow requests in flight at once, for each backend'),
        perSecond: z
          .number()
          .min(0.1)
          .max(1_000)
          .default(10)
          .describe('Shadow requests a second, for each backend'),
        deadlineMs: ms.default(5_000).describe('Longest that a shadow request waits'),
        maxBytes: z
          .int()
          .min(1_024)
          .max(64 * 1024 * 1024)
          .default(1024 * 1024)
          .describe('Larger shadow answers are broken off and counted'),
        rereadMs: ms.default(2_000).describe('Pause before a difference is read again on both sides'),
        rereadsPerSecond: z
          .number()
          .min(0.1)
          .max(1_000)
          .default(2)
          .describe(
            'Differences that are read again a second, for each legacy backend; more are counted as unconfirmed, and against parity',
          ),
      })
      .prefault({}),
    samples: z
      .strictObject({
        hours: z
          .number()
          .min(0)
          .max(720)
          .default(24)
          .describe('Life of a sealed pair of different answers; 0: none is kept'),
        perSignature: z.int().min(0).max(100).default(5).describe('Pairs kept of one signature'),
      })
      .prefault({}),
    capture: z
      .strictObject({
        days: z
          .number()
          .min(0)
          .max(90)
          .default(0)
          .describe('Life of captured read requests (sealed parameters); 0: none is kept'),
        perShape: z.int().min(1).max(10_000).default(500).describe('Requests kept of one search shape'),
      })
      .prefault({}),
    gates: z
      .strictObject({
        criticalRate: share
          .default(0.003)
          .describe('The evidence must show that the rate of critical differences is under this'),
        alpha: z
          .number()
          .min(0.0001)
          .max(0.2)
          .default(0.05)
          .describe('Largest chance that it shows that and is wrong, however often it is looked at'),
        parity: share
          .default(0.99)
          .describe('Least share of comparisons without critical or major difference'),
        minPatients: z
          .int()
          .min(0)
          .max(100_000)
          .default(50)
          .describe('Least number of different patients compared'),
        shapeDays: z
          .number()
          .min(1)
          .max(365)
          .default(30)
          .describe('Every search shape seen in so many days must have been compared'),
        latencyFactor: z
          .number()
          .min(0.1)
          .max(100)
          .default(1.2)
          .describe('Modern’s p95 may be so many times legacy’s'),
        latencySlackMs: z.int().min(0).max(60_000).default(50).describe('… or so many milliseconds over it'),
        errorRate: share.default(0.01).describe('Largest share of modern calls that fail technically'),
        minCalls: z
          .int()
          .min(1)
          .max(1_000_000)
          .default(100)
          .describe('Least number of calls that latency and errors are judged by'),
        staleMinutes: z
          .number()
          .min(1)
          .max(10_080)
          .default(60)
          .describe(
            'Evidence without a newer comparison is stale after this (longer for an endpoint with few calls)',
          ),
        outboxAgeSeconds: z
          .number()
          .min(0)
          .max(86_400)
          .default(300)
          .describe('Largest age of an undelivered write'),
        driftHours: z.number().min(0.1).max(720).default(24).describe('Largest age of a clean drift report'),
        retireDays: z
          .number()
          .min(0)
          .max(365)
          .default(30)
          .describe('Days in `modern` without a call to legacy before it may be retired'),
      })
      .prefault({}),
    rollback: z
      .strictObject({
        automatic: z
          .boolean()
          .default(true)
          .describe('Whether canary and modern go back to shadow by themselves'),
        criticals: z
          .int()
          .min(1)
          .max(1_000)
          .default(1)
          .describe('So many confirmed critical differences send it back'),
        errorRate: share
          .default(0.01)
          .describe('Evidence that the share of failing modern calls is over this sends it back'),
        alpha: z
          .number()
          .min(0.0001)
          .max(0.2)
          .default(0.001)
          .describe('Largest chance of a false alarm about that, over a whole run'),
      })
      .prefault({}),
    outbox: z
      .strictObject({
        concurrency: z.int().min(1).max(256).default(4).describe('Deliveries at once, for each side'),
        firstRetryMs: ms.default(500).describe('Pause after the first failure; it doubles'),
        maxRetryMs: ms.default(60_000).describe('Longest pause'),
        attempts: z.int().min(1).max(1_000).default(20).describe('Failures before an owner must decide'),
      })
      .prefault({}),
    compare: z
      .strictObject({
        mustSupport: z
          .string()
          .min(1)
          .default('us-core')
          .describe(
            'Whose must-support elements are missed: `us-core`, `none`, or a file as contracts/us-core-must-support.yaml',
          ),
        codes: z
          .array(z.array(z.string().regex(/^[^|]*\|.+$/, 'is no system|code')).min(2))
          .default([])
          .describe('Groups of codes that say the same, each `system|code`; beside those of the code maps'),
      })
      .prefault({}),
    severity: z
      .string()
      .exactOptional()
      .describe('File of severities by element path, over those that come with Ficus'),
    headers: z
      .strictObject({
        client: headerName.default('x-client-id').describe('Names the calling application'),
        facility: headerName.default('x-facility').describe('Names the facility that it calls for'),
        side: headerName.default('x-ficus-side').describe('A tester’s wish in canary: `legacy` or `modern`'),
      })
      .prefault({})
      .describe('Headers that say who calls, believed while security is `open`'),
  })
  .prefault({});

export type MigrationConfig = z.output<typeof migrationConfig>;
