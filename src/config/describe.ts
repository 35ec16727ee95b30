import { z } from 'zod';
import { configSchema } from './schema.ts';

/** JSON Schema of the configuration file, for editors (draft 2020-12). */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, { io: 'input', reused: 'inline' });
  return { title: 'Ficus configuration', ...schema };
}

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly additionalProperties?: Node | boolean;
  readonly oneOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
}

/** Values a key takes, in words. */
function valuesOf(node: Node): string {
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(', ');
  if (node.anyOf?.some((one) => one.properties?.['env']))
    return 'secret: `{ env: NAME }` or `{ file: PATH }`';
  if (node.anyOf) return node.anyOf.map((one) => (one.properties ? 'section' : valuesOf(one))).join(' or ');
  if (node.type === 'integer') {
    const { minimum = 0, maximum } = node;
    return maximum === undefined ? `${minimum} or more` : `${minimum} to ${maximum}`;
  }
  if (node.type === 'array') return 'list';
  if (isTable(node)) return `each to one of ${valuesOf(node.additionalProperties)}`;
  return node.type ?? 'one of several forms';
}

/** Names that each have one of a few values. */
function isTable(node: Node): node is Node & { readonly additionalProperties: Node } {
  return typeof node.additionalProperties === 'object' && node.additionalProperties.enum !== undefined;
}

function rowsOf(node: Node, path: string): string[] {
  const rows: string[] = [];
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const here = path === '' ? key : `${path}.${key}`;
    const needed = node.required?.includes(key) ?? false;
    const scalar = (child.type !== 'object' && !child.oneOf) || isTable(child);
    const fallback =
      child.default === undefined || (typeof child.default === 'object' && !isTable(child))
        ? ''
        : `\`${JSON.stringify(child.default)}\``;
    const nothing =
      Array.isArray(child.default) && child.default.length > 0 ? `\`${child.default.join(', ')}\`` : fallback;
    if (scalar) {
      const cell = needed && child.default === undefined ? 'needed' : nothing;
      rows.push(`| \`${here}\` | ${valuesOf(child)} | ${cell} | ${child.description ?? ''} |`);
    }
    rows.push(...rowsOf(child, here));
    for (const form of child.anyOf ?? [])
      if (!form.properties?.['env'] && !form.properties?.['file']) rows.push(...rowsOf(form, here));
    if (child.items) rows.push(...rowsOf(child.items, `${here}[]`));
    if (typeof child.additionalProperties === 'object')
      rows.push(...formsOf(child.additionalProperties, `${here}.NAME`));
  }
  return rows;
}

/** A backend is one of several kinds: each gets its own rows. */
function formsOf(node: Node, path: string): string[] {
  const forms = node.oneOf ?? node.anyOf ?? [node];
  return forms.flatMap((form) => {
    const kind = form.properties?.['kind']?.const;
    return rowsOf(form, kind === undefined ? path : `${path} (${kind})`);
  });
}

/** The reference page of the configuration, as Markdown. */
export function configPage(): string {
  return `# Configuration

One YAML file, read by \`ficus serve --config FILE\` and checked by \`ficus check --config FILE\`: every problem at once, each with its line. A key
that is not in this table is an error. Secrets are named, never written down: an environment variable or a file. Paths are relative to the file.
\`sandbox/ficus.yaml\` is a complete example. Times ending in \`Ms\` are milliseconds.

This page is made from the schema (\`src/config/schema.ts\`) by \`npm run docs\`; editors take \`docs/configuration.schema.json\`.

| key | values | default | meaning |
|---|---|---|---|
${rowsOf(configJsonSchema(), '').join('\n')}
`;
}
