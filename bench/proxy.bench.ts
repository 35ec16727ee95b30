import { availableParallelism } from 'node:os';
import { costRow, median, pairedRatio } from './harness.ts';
import type { Row } from './harness.ts';
import { bundleOf } from './proxy/bodies.ts';
import { CONNECTIONS, alternate, together, warmUpAll } from './proxy/compare.ts';
import type { Rounds } from './proxy/compare.ts';
import { abortTransfers } from './proxy/load.ts';
import { pin, startNginx, startRole } from './proxy/processes.ts';
import type { Proxy } from './proxy/processes.ts';

// A proxied read of 2 kB and of 200 kB, and a POST of 200 kB: Ficus with everything on against bare 'express' +
// 'http-proxy-middleware' (and a body parser, for the POST), and against nginx where it is installed. Each proxy is a process
// of its own on one core, the load and the service on the other. The figures are medians of rounds that alternate, the ratio
// is the median of the rounds' own: one beside the other meets the same machine. The floor, node:http and undici with nothing between them, says how much
// of a figure is not Ficus.

const ABORTED = 1_000;
const HEADERS = 'Host: ficus.example\r\nAccept: application/fhir+json\r\n';
const GET_2K = Buffer.from(`GET /fhir/r4/Patient/1 HTTP/1.1\r\n${HEADERS}\r\n`);
const GET_200K = Buffer.from(`GET /fhir/r4/Patient HTTP/1.1\r\n${HEADERS}\r\n`);
const WARM_UP_2K = 20_000;
const WARM_UP_200K = 3_000;

const READS = [
  { size: '2 kB', request: GET_2K, warmUpRequests: WARM_UP_2K, target: 1.5 },
  { size: '200 kB', request: GET_200K, warmUpRequests: WARM_UP_200K, target: 1.4 },
];

function post(): Buffer {
  const body = bundleOf('http://labs.example/fhir');
  const head = `POST /fhir/r4/Observation HTTP/1.1\r\n${HEADERS}Content-Type: application/fhir+json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function throughputRow(name: string, ours: Rounds, peer: Rounds, target?: number): Row {
  return {
    name,
    ours: median(ours.perSecond),
    peer: median(peer.perSecond),
    ratio: pairedRatio(ours.perSecond, peer.perSecond),
    unit: 'requests/s',
    ...(target === undefined ? {} : { target }),
  };
}

function cpuRow(name: string, ours: Rounds, peer: Rounds): Row {
  return {
    ...costRow(`${name}: CPU`, median(ours.cpuUs), median(peer.cpuUs), 'us CPU a request'),
    ratio: pairedRatio(peer.cpuUs, ours.cpuUs),
  };
}

async function reads(ours: Proxy, peer: Proxy, floor: Proxy, nginx: Proxy | undefined): Promise<Row[]> {
  const rows: Row[] = [];
  const readers = nginx ? [ours, peer, floor, nginx] : [ours, peer, floor];
  for (const { size, request, warmUpRequests, target } of READS) {
    await warmUpAll(readers, request, warmUpRequests);
    const [mine, theirs, least, nginxs] = await alternate(readers, request);
    if (!mine || !theirs || !least) continue;
    const name = `proxied read of ${size}, against express + http-proxy-middleware`;
    rows.push(throughputRow(name, mine, theirs, target), cpuRow(name, mine, theirs));
    const bare = `node:http and undici alone, ${size}, against express + http-proxy-middleware`;
    rows.push(throughputRow(bare, least, theirs), cpuRow(bare, least, theirs));
    if (nginxs) rows.push(throughputRow(`proxied read of ${size}, against nginx`, mine, nginxs));
  }
  return rows;
}

async function writes(ours: Proxy, parsing: Proxy): Promise<Row[]> {
  const request = post();
  await warmUpAll([ours, parsing], request, 1_000);
  const [mine, theirs] = await alternate([ours, parsing], request);
  if (!mine || !theirs) return [];
  const name = 'POST of 200 kB, against parse-and-forward';
  return [throughputRow(name, mine, theirs, 4), cpuRow(name, mine, theirs)];
}

/**
 * Throughput of the small read after many clients have gone away in the middle of a large one, against before. The machine
 * is not the same before and after, so a second instance, which nobody leaves, says what it was: the ratio of the two after,
 * by their ratio before. They are asked at the same time: by turns, two instances that nobody leaves differ by a tenth to a
 * fifth on a busy machine, together by a twentieth. What one costs more shows in its CPU whole, and in its throughput in good
 * part. Both are warmed up again in between, for the compiler has to take in what it has not seen.
 */
async function afterAborts(subject: Proxy, control: Proxy): Promise<Row[]> {
  const both = [subject, control];
  const compare = async (): Promise<readonly [Rounds, Rounds] | undefined> => {
    await warmUpAll(both, GET_2K, WARM_UP_2K);
    const [left, stayed] = await together(both, GET_2K);
    return left && stayed && [left, stayed];
  };
  await warmUpAll(both, GET_200K, WARM_UP_200K);
  const before = await compare();
  const open = await subject.usage();
  await abortTransfers({ port: subject.port, request: GET_200K, connections: CONNECTIONS }, ABORTED);
  const after = await compare();
  const left = await subject.usage();
  if (!before || !after || !open || !left) return [];
  const wasAlike = pairedRatio(before[0].perSecond, before[1].perSecond);
  const isAlike = pairedRatio(after[0].perSecond, after[1].perSecond);
  const name = `proxied read of 2 kB after ${ABORTED} aborted transfers`;
  const cpuWas = pairedRatio(before[0].cpuUs, before[1].cpuUs);
  const cpuIs = pairedRatio(after[0].cpuUs, after[1].cpuUs);
  return [
    {
      name: `${name}, against an instance without any`,
      ours: median(after[0].perSecond),
      peer: median(after[1].perSecond) * wasAlike,
      ratio: isAlike / wasAlike,
      unit: 'requests/s',
      target: 0.9,
    },
    { ...costRow(`${name}: CPU`, median(after[0].cpuUs), median(after[1].cpuUs) * cpuWas, 'us CPU a request', 0.9), ratio: cpuWas / cpuIs },
    costRow(`${name}: files and sockets open (before them)`, left.openFiles, open.openFiles, 'descriptors'),
  ]; // prettier-ignore
}

async function memory(ours: Proxy, peer: Proxy): Promise<Row[]> {
  const [oursUsed, peerUsed] = [await ours.usage(), await peer.usage()];
  if (!oursUsed || !peerUsed) return [];
  return [costRow('proxied read, peak memory', oursUsed.peakMb, peerUsed.peakMb, 'MB')];
}

export default async function bench(): Promise<Row[]> {
  const all = `0-${availableParallelism() - 1}`;
  pin(process.pid, '0');
  const running: Proxy[] = [];
  const start = async (role: string, port: number, core = 1): Promise<Proxy> => {
    const proxy = await startRole(role, port, core);
    running.push(proxy);
    return proxy;
  };
  try {
    const { port } = await start('upstream', 0, 0);
    const [ours, peer] = [await start('ours', port), await start('peer', port)];
    const floor = await start('floor', port);
    const nginx = await startNginx(port, 1);
    if (nginx) running.push(nginx);
    return [
      ...(await reads(ours, peer, floor, nginx)),
      ...(await memory(ours, peer)),
      ...(await writes(ours, await start('parse-and-forward', port))),
      ...(await afterAborts(ours, await start('ours', port))),
    ];
  } finally {
    for (const proxy of running) proxy.stop();
    pin(process.pid, all);
  }
}
