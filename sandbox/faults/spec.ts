/** What a fault dial can be about; a leaf, so that the faults themselves can be files of their own. */
export const PROTOCOLS = ['mllp', 'soap', 'modern'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface Parameter {
  readonly type: 'number' | 'string' | 'boolean' | 'one-of';
  readonly values?: readonly string[];
  readonly default?: number | string | boolean;
  readonly about: string;
}

export interface FaultSpec {
  readonly about: string;
  readonly protocols: readonly Protocol[];
  readonly parameters: Readonly<Record<string, Parameter>>;
}
