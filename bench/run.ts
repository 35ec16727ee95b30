import { fork } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { basename, join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import type { Bench, Row } from './harness.ts';
import { renderSection, replaceSection } from './report.ts';

// npm run bench [-- filter]: runs bench/*.bench.ts whose name holds the filter, prints the ratios, and puts them into RESULTS.md.
// What was not run keeps its last figures there.

interface Outcome {
  readonly rows: readonly Row[];
  readonly peakMb: number;
}

const FOLDER = import.meta.dirname;
const RESULTS = join(FOLDER, 'RESULTS.md');
const TITLE =
  '# Bench results\n\nWritten by `npm run bench`. Ratios above 1 mean that ours is better; every peer ran in the same run.\n';

/** The role of the process that runs one bench file: its memory is its own, and no bench warms another's code. */
const ALONE = '--alone';

async function runAlone(file: string): Promise<void> {
  const { default: bench } = (await import(file)) as { default: Bench };
  const rows = await bench();
  // maxRSS is in kilobytes.
  const outcome: Outcome = { rows, peakMb: process.resourceUsage().maxRSS / 1024 };
  process.send!(outcome, () => process.exit());
}

function runOne(file: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = fork(join(FOLDER, 'run.ts'), [ALONE, join(FOLDER, file)]);
    child.once('message', (outcome) => resolve(outcome as Outcome));
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code} and no result`)));
  });
}

/** Pinned versions of everything installed, by name. */
function versions(): Record<string, string> {
  const manifest = JSON.parse(readFileSync(join(FOLDER, '../package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  return { ...manifest['dependencies'], ...manifest['devDependencies'] };
}

/** Packages that a bench file imports. */
function packagesOf(file: string, known: Readonly<Record<string, string>>): string[] {
  const source = readFileSync(join(FOLDER, file), 'utf8');
  return Object.keys(known)
    .filter((name) => source.includes(`'${name}'`))
    .map((name) => `${name} ${known[name]}`);
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} x ${first?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`;
}

async function runAll(filter: string): Promise<void> {
  const files = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.bench.ts') && name.includes(filter))
    .sort();
  if (files.length === 0) throw new Error(`no bench file is named like ${filter}`);
  for (const file of files) {
    const name = basename(file, '.bench.ts');
    console.log(`\n${name} ...`);
    try {
      const { rows, peakMb } = await runOne(file);
      const section = renderSection(name, rows, {
        date: new Date(systemClock.now()).toISOString().slice(0, 10),
        machine: machine(),
        node: process.version,
        packages: packagesOf(file, versions()),
        peakMb,
      });
      console.log(section);
      const before = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : TITLE;
      writeFileSync(RESULTS, replaceSection(before, name, section));
    } catch (error) {
      process.exitCode = 1;
      console.error(error instanceof Error ? error.message : error);
    }
  }
}

if (process.argv[2] === ALONE) await runAlone(process.argv[3]!);
else await runAll(process.argv[2] ?? '');
