import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { auditFile } from '../../compose/audit/file.ts';

export interface PlaceOption {
  readonly state: string;
}

/** Adds where the trail is: a file, or the folder of the embedded stores. */
export function withPlace(command: Command): Command {
  return command
    .argument('[file]', 'file of the trail; default: audit.sqlite in the folder of the state')
    .option('--state <folder>', 'folder of the embedded stores (stateDir of the configuration)', '.ficus');
}

/** @throws Error when there is no such file: an empty trail is not made by looking at it */
export function placeOf(file: string | undefined, { state }: PlaceOption): string {
  const place = file ?? auditFile(state);
  if (existsSync(place) && statSync(place).isFile()) return place;
  throw new Error(`There is no audit trail at ${place}. Name its file, or its folder with --state.`);
}
