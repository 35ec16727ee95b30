import type { Clients } from './clients.ts';
import type { RunCommand } from './commands.ts';
import type { TourEndpoint } from './endpoint.ts';
import type { Plan } from './plan.ts';
import type { Voice } from './say.ts';
import type { TourStage } from './stage.ts';

/** What every act has at hand. */
export interface Scene {
  readonly plan: Plan;
  readonly stage: TourStage;
  readonly endpoint: TourEndpoint;
  readonly voice: Voice;
  readonly clients: Clients;
  readonly run: RunCommand;
  /** Adds a line to what is said at the end. */
  readonly remember: (line: string) => void;
}

/** Who signs the steps, and who answers for the patients (an owner in sandbox/ficus.yaml). */
export const [LEAD, CLINICAL] = ['mira', 'laboratory'];

/** Who, and why. */
export const signed = (by: string, reason: string): readonly string[] => ['--by', by, '--reason', reason];

/** Runs a command that has to succeed. @throws Error with what it printed */
export async function must(ran: ReturnType<RunCommand>, otherwise: string): Promise<string> {
  const { ok, text } = await ran;
  if (!ok) throw new Error(`${otherwise}\n${text}`);
  return text;
}
