/** What has to be let go of, last first, whenever the tour ends. */
export interface Cleaning {
  add(step: () => Promise<void> | void): void;
  /** Everything that was added, once: a second call waits for the first. Never rejects. */
  run(): Promise<void>;
}

export function createCleaning(): Cleaning {
  const steps: (() => Promise<void> | void)[] = [];
  let running: Promise<void> | undefined;
  async function all(): Promise<void> {
    for (let step = steps.pop(); step; step = steps.pop()) {
      try {
        await step();
      } catch (error) {
        process.stderr.write(`While cleaning up: ${String(error)}\n`);
      }
    }
  }
  return {
    add: (step) => void steps.push(step),
    run: () => (running ??= all()),
  };
}
