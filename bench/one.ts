import type { Bench } from './harness.ts';

// One bench file in a process of its own, started by run.ts: its memory is its own, and no bench warms another's code.

const { default: bench } = (await import(process.argv[2]!)) as { default: Bench };
const rows = await bench();
// ru_maxrss of Linux and macOS as Node gives it: kilobytes.
const peakMb = process.resourceUsage().maxRSS / 1024;
process.send!({ rows, peakMb }, () => process.exit());
