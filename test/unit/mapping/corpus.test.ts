import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseBatch } from '../../../adapters/hl7v2/batch.ts';
import type { Message } from '../../../adapters/hl7v2/message.ts';
import { messageTree } from '../../../adapters/hl7v2/tree.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import { writeTree } from '../../../src/mapping/run-map.ts';
import { readTree } from '../../../src/mapping/run-map.ts';
import type { RunContext } from '../../../src/mapping/run.ts';

const SHARED = process.env['FICUS_SHARED'];
const CONTEXT: RunContext = { authorities: [], timeZone: 'America/New_York' };

function messagesOf(path: string): readonly Message[] {
  try {
    return parseBatch(readFileSync(path), { defaultCharset: 'UNICODE UTF-8' }).messages;
  } catch {
    return [];
  }
}

describe(`recorded messages (${SHARED ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
  it.skipIf(!SHARED)(
    'read into resources, and written back change no byte',
    () => {
      const set = loadMappings('mappings');
      const changed: string[] = [];
      let resources = 0;
      for (const path of globSync(`${SHARED}/data/hl7v2/corpus/**/*.hl7`)) {
        for (const [at, message] of messagesOf(path).entries()) {
          const type = `${message.value('MSH', 9, 1, 1)}^${message.value('MSH', 9, 1, 2)}`;
          const file = [...set.messages.values()].find((it) => it.of.includes(type));
          if (!file || message.check().some((defect) => defect.kind === 'undecodable')) continue;
          const before = message.toBytes().toString('latin1');
          const tree = messageTree(
            message,
            file.group(message.segments.map((segment) => segment.name)).root,
            file.order,
          );
          const context = { ...CONTEXT, facts: { event: type.slice(4) } };
          for (const { map, in: path } of file.readings) {
            if (path !== '.') continue;
            const { resource } = readTree(map, tree, context);
            if (!resource) continue;
            resources += 1;
            const { loss } = writeTree(map, resource, tree, context);
            if (loss.length > 0) changed.push(`${type} ${map.name} ${JSON.stringify(loss)}`);
          }
          if (message.toBytes().toString('latin1') !== before)
            changed.push(`${type} #${at} of ${path.split('/').at(-1)}`);
        }
      }
      expect(changed).toEqual([]);
      expect(resources).toBeGreaterThan(300);
    },
    120_000,
  );
});
