import { execFileSync, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants, cpus, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What a process says of itself when asked. */
export interface Usage {
  /** CPU microseconds, user and system, of all its threads so far. */
  readonly cpuUs: number;
  /** Peak of its resident memory. */
  readonly peakMb: number;
  /** What it has done so far: messages answered, exchanges made. */
  readonly count: number;
}

/** A process of the bench. */
export interface Role {
  readonly port: number;
  usage(): Promise<Usage>;
  /** Tells the process something; what, is between it and the bench. */
  tell(order: string): void;
  stop(): void;
}

/**
 * Pins a process to a core, where that can be done; measurements without it are only noisier. Cores are those of the machine: `availableParallelism` would
 * count those of this process, which is pinned itself.
 */
function pin(pid: number | undefined, core: number | undefined): void {
  if (pid === undefined || core === undefined || cpus().length < 2) return;
  try {
    execFileSync('taskset', ['-a', '-pc', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // No taskset on this machine.
  }
}

/** Puts this process, which makes the load, on a core. */
export function pinSelf(core: number): void {
  pin(process.pid, core);
}

/**
 * Starts a file of this folder as a process of its own.
 *
 * @param args its arguments
 * @param core number of the core it shall run on; undefined: any
 * @param logTo descriptor that its standard output goes to
 */
export async function startRole(
  file: string,
  args: readonly string[],
  core: number | undefined,
  logTo: number | 'inherit' = 'inherit',
): Promise<Role> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child: ChildProcess = fork(path, args, { stdio: ['ignore', logTo, 'inherit', 'ipc'] });
  const [first] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => [new Error(`${file} ended with ${code}`)]),
  ])) as [{ port: number } | Error];
  if (first instanceof Error) throw first;
  pin(child.pid, core);
  return {
    port: first.port,
    async usage() {
      child.send('usage');
      const [answer] = (await once(child, 'message')) as [Usage];
      return answer;
    },
    tell: (order) => void child.send(order),
    stop: () => void child.kill(),
  };
}

/** Lets this process, which stands for another machine, have what the others leave of its core. */
export function standBack(): void {
  setPriority(constants.priority.PRIORITY_LOW);
}

/** The other side: says the port, answers to questions about usage, and ends with its parent. */
export function playRole(
  port: number,
  count: () => number = () => 0,
  follow: (order: string) => void = () => {},
): void {
  process.on('message', (order) => {
    if (typeof order !== 'string') return;
    if (order !== 'usage') {
      follow(order);
      return;
    }
    const { user, system } = process.cpuUsage();
    const peakMb = process.resourceUsage().maxRSS / 1024;
    process.send?.({ cpuUs: user + system, peakMb, count: count() } satisfies Usage);
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ port });
}
