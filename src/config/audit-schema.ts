import { z } from 'zod';
import { secretSource } from './secret.ts';
import { clientTls } from './tls-schema.ts';

const repository = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe('FHIR base address of the Audit Record Repository (IHE ITI-20)'),
  batch: z
    .int()
    .min(1)
    .max(500)
    .default(50)
    .describe('Most events of one Bundle; 1: each is posted by itself, to `AuditEvent`'),
  bearer: secretSource.exactOptional().describe('Token that is sent with every request'),
  tls: clientTls.exactOptional(),
  deadlineMs: z.int().min(100).max(600_000).default(10_000).describe('Longest that one request waits'),
  firstRetryMs: z
    .int()
    .min(1)
    .max(600_000)
    .default(1_000)
    .describe('Pause after the first failure; it doubles'),
  maxRetryMs: z.int().min(1).max(3_600_000).default(60_000).describe('Longest pause'),
});

/** What is recorded of who did what. */
export const auditConfig = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether anything is recorded; `false` is said loudly at start'),
    whenUnavailable: z
      .enum(['refuse', 'serve'])
      .default('refuse')
      .describe(
        'What becomes of a request whose event cannot be kept: refused (503), or served, counted and told in the log',
      ),
    durability: z
      .enum(['normal', 'full'])
      .default('normal')
      .describe(
        'What an event survives when its answer is given: the death of the process (`normal`), the loss of power too (`full`: each commit waits for the disk)',
      ),
    gatherMs: z
      .int()
      .min(0)
      .max(1_000)
      .default(2)
      .describe(
        'Least time between two commits: an event that comes alone is kept at once, those that follow share the next commit; where more than two come in a millisecond, up to four times as long, 8 ms at most, as long as others are being answered whose events will come',
      ),
    keepDays: z
      .int()
      .min(1)
      .max(36_500)
      .default(2_192)
      .describe('How long events are kept (six years); an anchor stays in their place'),
    repository: repository.exactOptional().describe('Where each event is sent to, in order, at least once'),
  })
  .prefault({});

export type AuditConfig = z.output<typeof auditConfig>;
