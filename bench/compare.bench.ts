import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { compareAnswers } from '../src/strangler/compare/compare.ts';
import { compileSeverities } from '../src/strangler/compare/severity.ts';
import { catalogueOptions, runCatalogue, searchOf, type Outcome } from './compare/catalogue.ts';
import { REWRITINGS } from './compare/harmless.ts';
import { createRandom } from './compare/random.ts';
import { copyOf } from './compare/resources.ts';
import { compareOperations, costRow } from './harness.ts';
import type { Row } from './harness.ts';

// Differences planted in resources that look real, and harmless rewritings of them, each over many seeds: what is found with the severity
// that it must get, and what is reported in vain, of each kind. Beside it what a comparison costs, against writing both answers as JSON
// and comparing the texts, which tells neither what differs nor whether it matters.

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed + 1);
const ENTRIES = 20;

const table = readFileSync(new URL('../contracts/severity.yaml', import.meta.url), 'utf8');
const options = catalogueOptions(compileSeverities(parse(table)));

/** Prints each kind with how often it was judged rightly; gives how many kinds always were. */
function report(
  title: string,
  outcomes: readonly Outcome[],
  wrong: string,
): readonly [right: number, all: number] {
  const kinds = Map.groupBy(outcomes, ({ name }) => name);
  console.log(`\n${title}`);
  let right = 0;
  for (const [name, runs] of kinds) {
    const good = runs.filter((run) => run.right).length;
    if (good === runs.length) right += 1;
    console.log(`  ${good === runs.length ? ' ' : '!'} ${name}: ${good} of ${runs.length}`);
    const failed = runs.find((run) => !run.right);
    if (failed)
      console.log(
        `      ${wrong} ${failed.differences.map(({ signature }) => signature).join('; ') || 'nothing'}`,
      );
  }
  return [right, kinds.size];
}

function kindsRow(name: string, [right, all]: readonly [number, number]): Row {
  return { name, ours: right, peer: all, ratio: right / all, unit: 'kinds', target: 1 };
}

export default async function compareBench(): Promise<readonly Row[]> {
  const outcomes = SEEDS.flatMap((seed) => runCatalogue(seed, options));
  const planted = outcomes.filter(({ harmless }) => !harmless);
  const rewritten = outcomes.filter(({ harmless }) => harmless);
  const detected = report('Planted differences: detected with their severity', planted, 'found instead:');
  const silent = report('Harmless rewritings: nothing reported', rewritten, 'false alarm:');

  const legacy = searchOf(1, ENTRIES);
  const same = { ...legacy, matches: legacy.matches.map(copyOf) };
  const all = REWRITINGS.find(({ name }) => name === 'all of it at once')!;
  const other = { ...legacy, matches: legacy.matches.map((it) => all.rewrite(it, createRandom(1))) };
  const [alike, anew, text] = await compareOperations([
    () => compareAnswers(legacy, same, options),
    () => compareAnswers(legacy, other, options),
    () => JSON.stringify(legacy) === JSON.stringify(other),
  ]);
  return [
    kindsRow('planted differences found with their severity; of all kinds', detected),
    kindsRow('harmless rewritings not reported; of all kinds', silent),
    costRow(`a search of ${ENTRIES} entries, copied; against comparing JSON text`, alike!, text!, 'us'),
    costRow('the same, everything written otherwise', anew!, text!, 'us'),
  ];
}
