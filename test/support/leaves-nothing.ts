import { afterAll, expect, vi } from 'vitest';

/** Members that a file may have replaced, with `vi.spyOn` or by hand, and the next one would use. */
const MEMBERS: readonly (readonly [owner: string, object, ...members: string[]])[] = [
  ['globalThis', globalThis, 'Date', 'fetch', 'setImmediate', 'setInterval', 'setTimeout'],
  ['console', console, 'error', 'log', 'warn'],
  ['Date', Date, 'now'],
  ['Math', Math, 'random'],
  ['process', process, 'cwd', 'exit', 'kill', 'umask'],
  ['process.stderr', process.stderr, 'write'],
  ['process.stdout', process.stdout, 'write'],
];

/** By name. What Vitest keeps in the environment is its own affair. */
function shared(): ReadonlyMap<string, unknown> {
  const members = MEMBERS.flatMap(([owner, object, ...names]) =>
    names.map((name): [string, unknown] => [`${owner}.${name}`, Reflect.get(object, name)]),
  );
  const environment = Object.entries(process.env)
    .filter(([name]) => !name.startsWith('VITEST'))
    .map(([name, value]): [string, unknown] => [`process.env.${name}`, value]);
  return new Map([
    ...members,
    ...environment,
    ['exit code', process.exitCode],
    ['working directory', process.cwd()],
    ['umask', process.umask()],
    ['fake timers', vi.isFakeTimers()],
  ]);
}

const found = shared();

// The hooks of the file come before this one: they end in the reverse of their order. Names alone: values may be secret.
afterAll(() => {
  const left = shared();
  const names = [...new Set([...found.keys(), ...left.keys()])];
  const changed = names.filter((name) => found.get(name) !== left.get(name));
  expect(changed, 'what the next file would find changed').toEqual([]);
});
