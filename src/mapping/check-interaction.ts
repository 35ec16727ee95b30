import type { InteractionFile } from './exchange-schema.ts';

/** What an interaction may name. */
export interface Known {
  readonly map: (name: string) => boolean;
  readonly codes: (name: string) => boolean;
  readonly message: (structure: string) => boolean;
}

/** Tells what an interaction names that the set does not have. */
export function checkInteraction(
  file: InteractionFile,
  known: Known,
  problem: (path: readonly PropertyKey[], message: string) => void,
): void {
  const maps = (names: readonly string[] | undefined, path: readonly PropertyKey[]): void => {
    for (const name of names ?? []) if (!known.map(name)) problem(path, `there is no map ${name}`);
  };
  maps(file.request.maps, ['request', 'maps']);
  maps(file.response.each?.maps, ['response', 'each', 'maps']);
  const { structure } = file.response;
  if (structure !== undefined && !known.message(structure)) {
    problem(['response', 'structure'], `there is no message file ${structure}`);
  }
  for (const [name, { code }] of Object.entries(file.params)) {
    if (code !== undefined && !known.codes(code))
      problem(['params', name, 'code'], `there is no code map ${code}`);
  }
}
