import { execFileSync, fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a process has used since its start. */
export interface Usage {
  readonly cpuUs: number;
  readonly peakMb: number;
  /** Descriptors that are open now; NaN where the system does not tell. */
  readonly openFiles: number;
}

/** A proxy, or the service behind it, in a process of its own. */
export interface Proxy {
  readonly port: number;
  /** undefined for a program that is not ours to ask. */
  usage(): Promise<Usage | undefined>;
  stop(): void;
}

const ROLES = fileURLToPath(new URL('./roles.ts', import.meta.url));

/** Pins a process to a core, where that can be done; measurements without it are only noisier. */
export function pin(pid: number | undefined, cores: string): void {
  if (pid === undefined || cpus().length < 2) return;
  try {
    execFileSync('taskset', ['-a', '-pc', cores, String(pid)], { stdio: 'ignore' });
  } catch {
    // No taskset on this machine.
  }
}

/** Starts a role of `roles.ts`. */
export async function startRole(role: string, upstreamPort: number, core: number): Promise<Proxy> {
  const child: ChildProcess = fork(ROLES, [role, String(upstreamPort)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  pin(child.pid, String(core));
  const usage = async (): Promise<Usage> => {
    child.send('usage');
    const [answer] = (await once(child, 'message')) as [Usage];
    return answer;
  };
  return { port, usage, stop: () => child.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** nginx with one worker, keep-alive both ways; undefined when it is not installed. */
export async function startNginx(upstreamPort: number, core: number): Promise<Proxy | undefined> {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'ficus-bench-'));
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  // The worker is a process of its own: pinning the one we start would not reach it.
  const affinity = cpus().length < 2 ? '' : `worker_cpu_affinity ${(1 << core).toString(2)}; `;
  writeFileSync(
    file,
    `daemon off; worker_processes 1; ${affinity}pid ${folder}/pid; error_log /dev/null;
     events { worker_connections 512; }
     http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
       uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; keepalive_requests 1000000;
       upstream service { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000; }
       server { listen 127.0.0.1:${port}; location /fhir/r4/ { proxy_http_version 1.1; proxy_set_header Connection "";
         proxy_pass http://service/fhir/; } } }`,
  );
  const child = spawn('nginx', ['-p', folder, '-c', file], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const stop = (): void => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, usage: async () => undefined, stop };
}
