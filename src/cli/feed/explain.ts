import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseBatch } from '../../../adapters/hl7v2/batch.ts';
import { createMessageOpener } from '../../compose/feed/reader.ts';
import { loadMappings } from '../../config/mappings.ts';
import { explainMessage } from '../../mapping/explain-message.ts';
import type { ExplainedField } from '../../mapping/explain-message.ts';
import { askAdmin } from '../admin-client.ts';
import { contextOf, MAPPINGS } from '../map.ts';
import { signed } from '../migrate/command.ts';
import type { SignedOptions } from '../migrate/command.ts';
import { hanging } from '../text.ts';
import { formatMessage } from './messages.ts';
import type { MessageView } from './messages.ts';

interface ExplainOptions extends Omit<SignedOptions, 'reason'> {
  readonly reason?: string;
  readonly config?: string;
  readonly zone: string;
  readonly site?: string;
  readonly rows?: true;
  readonly json?: true;
}

/** Segment by segment: each field, its value, where it went and by which row, and what had no home. */
export function formatFieldsOfMessage(fields: readonly ExplainedField[], withRows: boolean): string {
  const lines: string[] = [];
  let segment = '';
  for (const { segment: at, field, text, fate, why, rows } of fields) {
    if (at !== segment) lines.push('', at);
    segment = at;
    const elements = [...new Set(rows.flatMap(({ element }) => element ?? []))];
    const home = fate === 'mapped' || fate === 'partly';
    const where = home && elements.length > 0 ? ` -> ${elements.join(', ')}` : '';
    // The place and the fate stand there already.
    const reasons = why.map((reason) =>
      reason.replace(new RegExp(`^[A-Z0-9]{3}(\\[\\d+\\])?-\\d+ ${fate}: `), ''),
    );
    lines.push(
      `  ${field.padEnd(7)} ${text}`,
      hanging('          ', `${fate}${where}${reasons.length === 0 ? '' : `; ${reasons.join('; ')}`}`),
    );
    if (withRows) for (const { row, origin } of rows) lines.push(`          ${row}`, `          ${origin}`);
  }
  return lines.slice(1).join('\n');
}

function explainFile(file: string, { config, zone, site }: ExplainOptions): ExplainedField[][] {
  const mappings = loadMappings(MAPPINGS, site === undefined ? {} : { site });
  const { authorities, timeZone } = contextOf({ zone, ...(config === undefined ? {} : { config }) });
  const open = createMessageOpener({ mappings: () => mappings, authorities, profile: () => ({ timeZone }) });
  return parseBatch(readFileSync(file), { defaultCharset: 'UNICODE UTF-8' }).messages.map((message) => {
    const opened = open(message.toBytes(), { source: file, sender: '' });
    if (!opened)
      throw new Error(
        `There is no message file for ${message.value('MSH', 9, 1, 1) ?? '?'}^${message.value('MSH', 9, 1, 2) ?? ''}.`,
      );
    return explainMessage(opened.root, opened.reading);
  });
}

/** `ficus feed explain`. */
export function registerFeedExplain(feed: Command): void {
  const command = signed(feed.command('explain <message>'));
  // A file is one's own to look at; a message of the inbox is somebody's record.
  const reason = command.options.find(({ long }) => long === '--reason');
  if (reason)
    reason.makeOptionMandatory(false).description = 'why; needed for a message of the inbox, and logged';
  command
    .description(
      'what a message says, field by field, and what became of it: a number of the inbox, or a file',
    )
    .option('--rows', 'also the rows, and where they were written')
    .option('-c, --config <file>', 'of a file: take authorities and time zone from a configuration')
    .option('--zone <name>', 'of a file: time zone of timestamps without offset', 'UTC')
    .option('--site <name>', 'of a file: overlay under sites/')
    .option('--json', 'as JSON')
    .action(async (message: string, options: ExplainOptions) => {
      if (!/^\d+$/.test(message)) {
        const explained = explainFile(message, options);
        if (options.json) console.log(JSON.stringify(explained, null, 2));
        else
          console.log(
            explained.map((fields) => formatFieldsOfMessage(fields, options.rows === true)).join('\n\n'),
          );
        return;
      }
      const { admin, by } = options;
      if (options.reason === undefined)
        throw new Error('Say with --reason why the message is opened: it is somebody’s record.');
      const answer = await askAdmin<{ message: MessageView; fields?: ExplainedField[] }>(
        admin,
        `/feed/messages/${message}/explain`,
        { method: 'POST', body: { by, reason: options.reason } },
      );
      if (options.json) console.log(JSON.stringify(answer, null, 2));
      else {
        console.log(formatMessage(answer.message, Date.now()));
        console.log(
          answer.fields
            ? `\n${formatFieldsOfMessage(answer.fields, options.rows === true)}`
            : 'It cannot be taken apart: its bytes do not decode, or no message file reads its type.',
        );
      }
    });
}
