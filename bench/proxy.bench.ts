import { execFileSync, fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Row } from './harness.ts';
import { bundleOf } from './proxy/bodies.ts';
import { abortTransfers, measure, warmUp } from './proxy/load.ts';
import type { Load } from './proxy/load.ts';

// A proxied read of 2 kB and of 200 kB, and a POST of 200 kB: Ficus with everything on against bare express +
// http-proxy-middleware (and a body parser, for the POST), and against nginx where it is installed. Each proxy is a process
// of its own on one core, the load and the service on the other; rounds alternate; medians are compared.

interface Proxy {
  readonly port: number;
  /** CPU microseconds spent so far, and the peak of its memory; undefined for a program that is not ours to ask. */
  usage(): Promise<{ readonly cpuUs: number; readonly peakMb: number } | undefined>;
  stop(): void;
}

const ROUNDS = 5;
const ROUND_MS = 800;
const CONNECTIONS = 64;
const ABORTED = 1_000;
const ROLES = fileURLToPath(new URL('./proxy/roles.ts', import.meta.url));

/** Pins a process to a core, where that can be done; measurements without it are only noisier. */
function pin(pid: number | undefined, cores: string): void {
  if (pid === undefined || availableParallelism() < 2) return;
  try {
    execFileSync('taskset', ['-a', '-pc', cores, String(pid)], { stdio: 'ignore' });
  } catch {
    // No taskset on this machine.
  }
}

async function startRole(role: string, upstreamPort: number, core: string): Promise<Proxy> {
  const child: ChildProcess = fork(ROLES, [role, String(upstreamPort)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  pin(child.pid, core);
  const usage = async (): Promise<{ cpuUs: number; peakMb: number }> => {
    child.send('usage');
    const [answer] = (await once(child, 'message')) as [{ cpuUs: number; peakMb: number }];
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
async function startNginx(upstreamPort: number, core: string): Promise<Proxy | undefined> {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'ficus-bench-'));
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log /dev/null;
     events { worker_connections 512; }
     http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
       uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; keepalive_requests 1000000;
       upstream service { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000; }
       server { listen 127.0.0.1:${port}; location /fhir/r4/ { proxy_http_version 1.1; proxy_set_header Connection "";
         proxy_pass http://service/fhir/; } } }`,
  );
  const child = spawn('nginx', ['-p', folder, '-c', file], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  pin(child.pid, core);
  const stop = (): void => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, usage: async () => undefined, stop };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Throughput of several proxies under the same load, rounds alternating; medians. */
async function compare(
  proxies: readonly Proxy[],
  request: Buffer,
  warmUpRequests: number,
): Promise<number[]> {
  const results = proxies.map((): number[] => []);
  for (const { port } of proxies) await warmUp({ port, request, connections: CONNECTIONS }, warmUpRequests);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [at, { port }] of proxies.entries()) {
      const { perSecond } = await measure({ port, request, connections: CONNECTIONS }, ROUND_MS);
      results[at]?.push(perSecond);
    }
  }
  return results.map(median);
}

function row(name: string, ours: number, peer: number, unit: string, target?: number): Row {
  return { name, ours, peer, ratio: ours / peer, unit, ...(target === undefined ? {} : { target }) };
}

const HEADERS = 'Host: ficus.example\r\nAccept: application/fhir+json\r\n';
const GET_2K = Buffer.from(`GET /fhir/r4/Patient/1 HTTP/1.1\r\n${HEADERS}\r\n`);
const GET_200K = Buffer.from(`GET /fhir/r4/Patient HTTP/1.1\r\n${HEADERS}\r\n`);

const READS = [
  { size: '2 kB', request: GET_2K, warmUpRequests: 20_000, target: 1.5 },
  { size: '200 kB', request: GET_200K, warmUpRequests: 3_000, target: 1.4 },
];

function post(): Buffer {
  const body = bundleOf('http://labs.example/fhir');
  const head = `POST /fhir/r4/Observation HTTP/1.1\r\n${HEADERS}Content-Type: application/fhir+json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Throughput of the small read before and after many clients have gone away in the middle of a large one. */
async function afterAborts(proxy: Proxy): Promise<Row> {
  const load: Load = { port: proxy.port, request: GET_2K, connections: CONNECTIONS };
  const rounds = async (): Promise<number> => {
    const results: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) results.push((await measure(load, ROUND_MS)).perSecond);
    return median(results);
  };
  const before = await rounds();
  await abortTransfers({ ...load, request: GET_200K }, ABORTED);
  return row(
    `proxied read of 2 kB after ${ABORTED} aborted transfers, against before`,
    await rounds(),
    before,
    'requests/s',
    0.9,
  );
}

export default async function bench(): Promise<Row[]> {
  const all = `0-${availableParallelism() - 1}`;
  pin(process.pid, '0');
  const service = await startRole('upstream', 0, '0');
  const ours = await startRole('ours', service.port, '1');
  const peer = await startRole('peer', service.port, '1');
  const parsing = await startRole('parse-and-forward', service.port, '1');
  const nginx = await startNginx(service.port, '1');
  const rows: Row[] = [];
  try {
    const readers = nginx ? [ours, peer, nginx] : [ours, peer];
    for (const { size, request, warmUpRequests, target } of READS) {
      const [mine = 0, theirs = 0, nginxs] = await compare(readers, request, warmUpRequests);
      rows.push(
        row(
          `proxied read of ${size}, against express + http-proxy-middleware`,
          mine,
          theirs,
          'requests/s',
          target,
        ),
      );
      if (nginxs !== undefined)
        rows.push(row(`proxied read of ${size}, against nginx`, mine, nginxs, 'requests/s'));
    }
    const [mine = 0, theirs = 0] = await compare([ours, parsing], post(), 1_000);
    rows.push(row('POST of 200 kB, against parse-and-forward', mine, theirs, 'requests/s', 4));
    rows.push(await afterAborts(ours));
    const [oursUsed, peerUsed] = [await ours.usage(), await peer.usage()];
    if (oursUsed && peerUsed) {
      const ratio = peerUsed.peakMb / oursUsed.peakMb;
      rows.push({
        name: 'proxied read, peak memory',
        ours: oursUsed.peakMb,
        peer: peerUsed.peakMb,
        ratio,
        unit: 'MB',
      });
    }
  } finally {
    for (const proxy of [ours, peer, parsing, nginx, service]) proxy?.stop();
    pin(process.pid, all);
  }
  return rows;
}
