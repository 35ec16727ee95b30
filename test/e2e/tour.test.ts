import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const TOUR = fileURLToPath(new URL('../../scripts/tour.ts', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly printed: () => string;
  /** Where it keeps what it needs, and where its report goes. */
  readonly temporary: string;
  readonly report: string;
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
}

/** `npm run tour -- --quick`, with a folder of its own for everything that it writes. */
function startTour(): Running {
  const folder = mkdtempSync(join(tmpdir(), 'tour-test-'));
  const temporary = mkdtempSync(join(folder, 'temporary-'));
  const report = join(folder, 'report');
  const child = spawn(process.execPath, [TOUR, '--quick', '--report', report], {
    env: { ...process.env, TMPDIR: temporary, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, errors }));
  onTestFinished(async () => {
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  return { child, printed: () => output, temporary, report, ended };
}

/** Whether somebody listens at an address that was printed. */
async function answers(address: string): Promise<boolean> {
  return fetch(address).then(
    () => true,
    () => false,
  );
}

describe('npm run tour', () => {
  it('takes Observation.search from legacy to retired, and leaves the evidence pack', async () => {
    const { printed, temporary, report, ended } = startTour();
    expect(await ended).toEqual({ code: 0, errors: '' });
    const steps = [...printed().matchAll(/Observation\.search went from (.+?) to (.+?),/g)].map(
      ([, from, to]) => `${from} > ${to}`,
    );
    // A machine in trouble may send it back once more; the way ends the same.
    expect(steps.slice(0, 2)).toEqual(['legacy > shadow', 'shadow > canary 40 %']);
    expect(steps.slice(-2)).toEqual(['canary 80 % > modern', 'modern > retired']);
    expect(printed()).toContain('Rolled back Observation.search from canary 40 % to shadow: error rate');
    // Which of the wrong units it meets first is chance.
    expect(printed()).toMatch(/[\d.]+ mmol\/L became [\d.]+ mg\/dL|[\d.]+ mg\/dL became [\d.]+ mmol\/L/);
    expect(
      Math.max(
        ...printed()
          .split('\n')
          .map(({ length }) => length),
      ),
    ).toBeLessThanOrEqual(100);

    expect(readFileSync(join(report, 'Observation.search.md'), 'utf8')).toContain('Observation.search');
    const pack = JSON.parse(readFileSync(join(report, 'Observation.search.json'), 'utf8')) as object;
    expect(JSON.stringify(pack)).toContain('"retired"');
    expect(readdirSync(temporary).filter((name) => name.startsWith('ficus-tour-'))).toEqual([]);
  });

  it('lets go of its processes, ports and files at Ctrl-C', async () => {
    const { child, printed, temporary, report, ended } = startTour();
    await expect.poll(printed, { timeout: 60_000 }).toContain('1. From legacy to shadow');
    const addresses = printed().match(/http:\/\/[\w.]+:\d+/g) ?? [];
    expect(addresses).toHaveLength(2);
    expect(await Promise.all(addresses.map(answers))).toEqual([true, true]);
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 130, errors: '' });
    expect(await Promise.all(addresses.map(answers))).toEqual([false, false]);
    expect(readdirSync(temporary).filter((name) => name.startsWith('ficus-tour-'))).toEqual([]);
    expect(existsSync(report)).toBe(false);
  });
});
