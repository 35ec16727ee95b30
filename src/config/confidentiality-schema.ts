import { z } from 'zod';

const level = z.enum(['U', 'L', 'M', 'N', 'R', 'V']);

/** Levels of v3-Confidentiality, from the least protected. */
export const labelsConfig = z
  .strictObject({
    purposes: z
      .record(z.string().regex(/^[A-Z][A-Z0-9]*$/), level)
      .default({ TREAT: 'R', ETREAT: 'R', BTG: 'V' })
      .describe('Purpose of use (v3-PurposeOfUse): the highest confidentiality that it opens'),
    clients: z
      .record(z.string().min(1), level)
      .default({})
      .describe('Client id: the highest confidentiality that it is given whatever its purpose'),
    codes: z
      .record(z.string().regex(/^\S+\|\S+$/), level)
      .default({})
      .describe(
        'A site’s own label, its system and code with a bar between them: what it means. One that nobody knows is R',
      ),
  })
  .prefault({})
  .describe('What restricted (R) and very restricted (V) resources need; everybody gets the rest');

export const consentConfig = z
  .strictObject({
    default: z
      .enum(['permit', 'deny', 'break-glass'])
      .default('permit')
      .describe('What holds for a patient without a consent'),
  })
  .prefault({})
  .describe('Consents of patients');

export const breakGlassConfig = z
  .strictObject({
    roles: z.array(z.string().min(1)).default([]).describe('Roles that may break the glass'),
    clients: z
      .array(z.string().min(1))
      .default([])
      .describe('Applications whose every practitioner may break the glass'),
  })
  .prefault({})
  .describe('Who may see what is restricted in an emergency, giving a reason; by default nobody');
