import { z } from 'zod';

const semver = z.string().regex(/^\d+\.\d+\.\d+$/, 'is written as 1.0.0');
const day = z.iso.date('is a date: YYYY-MM-DD');
const text = z.string().trim().min(1);
const interaction = z.enum(['read', 'vread', 'history', 'search', 'create', 'update']);
const name = z.string().regex(/^_?[a-zA-Z][a-zA-Z-]*$/, 'is no name of a search parameter');

const lifecycle = z.strictObject({
  since: semver.describe('Version of the contract that first promised it'),
  deprecated: day.optional().describe('From this day on, new applications should not use it'),
  sunset: day.optional().describe('From this day on, it may be gone'),
  successor: z.url().optional().describe('What takes its place'),
  notice: z.url().optional().describe('A page for people: why it ends, and what to do'),
});

const operation = z.strictObject({
  owner: text.describe('Who answers for it'),
  lifecycle,
  documentation: text.optional(),
});

const resource = z.strictObject({
  profile: z.url().describe('Canonical of the StructureDefinition that bodies are checked against'),
  owner: text.describe('Who answers for it'),
  lifecycle,
  documentation: text.optional(),
  interactions: z.array(interaction).min(1),
  conditional: z
    .array(z.enum(['create', 'update']))
    .default([])
    .describe('Writes that take criteria: If-None-Exist, and PUT with a search'),
  search: z
    .record(name, z.array(text))
    .default({})
    .describe('Search parameters, each with its modifiers, without the colon'),
  includes: z.array(name).default([]).describe('Reference parameters that `_include` may follow'),
  operations: z
    .strictObject({
      everything: operation.optional().describe('Patient/[id]/$everything: the record of one patient'),
    })
    .default({})
    .describe('Operations, without $, each with an owner and a life of its own'),
});

/** The contract file. Every key and what it means. */
export const contractSchema = z.strictObject({
  title: text,
  version: semver,
  fhirVersion: z.literal('4.0.1'),
  publisher: text,
  documentation: text,
  resources: z.record(z.string(), resource).refine((it) => Object.keys(it).length > 0, 'promises nothing'),
});

export type ContractFile = z.output<typeof contractSchema>;
export type ResourceFile = z.output<typeof resource>;
export type OperationFile = z.output<typeof operation>;
