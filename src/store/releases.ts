import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { MappingRelease, ReleaseStep, ReleaseStore } from '../mapping/release.ts';

/** Releases that are forgotten when the process ends. */
export function createMemoryReleaseStore(): ReleaseStore {
  const releases = new Map<number, MappingRelease>();
  return {
    load: async () => [...releases.values()],
    async keep(release) {
      if (!follows(release.steps, releases.get(release.number)?.steps)) return false;
      releases.set(release.number, release);
      return true;
    },
  };
}

/** Releases in the embedded database. */
export function createSqliteReleaseStore(database: DatabaseSync): ReleaseStore {
  const all = database.prepare('SELECT number, files, steps FROM mapping_release ORDER BY number');
  const insert = database.prepare(
    'INSERT OR IGNORE INTO mapping_release (number, files, steps) VALUES (?, ?, ?)',
  );
  const update = database.prepare('UPDATE mapping_release SET steps = ? WHERE number = ? AND steps = ?');
  return {
    load: async () => all.all().map(releaseOf),
    async keep({ number, files, steps }) {
      const now = JSON.stringify(steps);
      const { changes } =
        steps.length === 1
          ? insert.run(number, JSON.stringify(files), now)
          : update.run(now, number, JSON.stringify(steps.slice(0, -1)));
      return Number(changes) === 1;
    },
  };
}

function follows(steps: readonly ReleaseStep[], before: readonly ReleaseStep[] = []): boolean {
  return JSON.stringify(steps.slice(0, -1)) === JSON.stringify(before);
}

function releaseOf(row: Record<string, SQLOutputValue>): MappingRelease {
  return {
    number: Number(row['number']),
    files: JSON.parse(String(row['files'])) as MappingRelease['files'],
    steps: JSON.parse(String(row['steps'])) as MappingRelease['steps'],
  };
}
