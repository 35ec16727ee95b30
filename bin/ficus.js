#!/usr/bin/env node
// Starts Ficus on a Node that can run it. Plain JavaScript on purpose: it must parse on any Node from 18 up.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);

if (major > 24 || (major === 24 && minor >= 15)) {
  module.enableCompileCache();
  const { main } = await import('../src/main.ts');
  await main(process.argv);
} else {
  // `npm ci` brings a current Node along as a development dependency.
  const own = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
  if (existsSync(own)) {
    const child = spawn(own, process.argv.slice(1), { stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
  } else {
    process.stderr.write(
      `Ficus needs Node 24.15 or later; this is ${process.version}. Run "npm ci" here, or install a newer Node.\n`,
    );
    process.exitCode = 1;
  }
}
