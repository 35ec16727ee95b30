import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isOn, textOf, type WireDial } from '../../faults/dial.ts';
import { openGate, type Gate } from '../../faults/gate.ts';
import type { Journal } from '../../faults/journal.ts';
import type { Switchboard } from '../../faults/switchboard.ts';
import {
  appliesUnder,
  BodyTooLarge,
  readBody,
  send,
  sendUnder,
  urlHost,
  type HttpAnswer,
} from '../../http.ts';
import { acceptWebSocket } from '../portal/websocket.ts';
import { servePortal } from '../portal/pages.ts';
import type { Hospital } from '../state/hospital.ts';
import type { Seed } from '../state/seed.ts';
import {
  contentType,
  faultStatus,
  openEnvelope,
  SoapFault,
  writeEnvelope,
  writeFault,
  type Envelope,
  type Fault,
  type SoapVersion,
} from './envelope.ts';
import { isOperation, partially, runOperation } from './operations.ts';
import { SchemaError, text, type Tree } from './schema.ts';
import { createSecurity, type Credentials } from './security.ts';
import { parseXml, XmlError, type XmlElement } from './xml.ts';

export interface SoapOptions {
  readonly host: string;
  readonly port: number;
  readonly hospital: () => Hospital;
  readonly seed: Seed;
  readonly journal: Journal;
  readonly switchboard: Switchboard;
  /** Undefined: WS-Security is not asked for. */
  readonly credentials: Credentials | undefined;
  readonly now: () => number;
}

const PATH = '/ClinicalService';
const MAX_REQUEST = 2 * 1024 * 1024;

/** The SOAP side of the core, its WSDL at `?wsdl`, and the hospital's old web portal under `/portal/`. */
export async function openSoap(options: SoapOptions): Promise<Gate> {
  const verify = options.credentials ? createSecurity(options.credentials, options.now) : () => undefined;
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void route(request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request, socket) => acceptWebSocket(request, socket));

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://core');
    if (url.pathname.toLowerCase() !== PATH.toLowerCase())
      return servePortal(request, response, url.pathname);
    if (request.method === 'GET' && /^\?wsdl$/i.test(url.search)) return send(response, wsdl());
    if (request.method === 'POST') return serve(request, response);
    return send(response, { status: 405, headers: { allow: 'GET, POST' }, body: '' });
  };
  const wsdl = (): HttpAnswer => {
    const { port } = server.address() as AddressInfo;
    const text = options.seed.wsdl.toString('utf8');
    const body = text.replaceAll(
      'http://localhost:8091/ClinicalService',
      `http://${urlHost(options.host)}:${port}${PATH}`,
    );
    return { status: 200, headers: { 'content-type': 'text/xml; charset=utf-8' }, body };
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = await readCall(request, options);
    const dial = await options.switchboard.take('soap', call.operation);
    const done = appliesUnder(dial) ? perform(call, verify, options) : undefined;
    const answer = answerUnder(dial, call, done, options);
    options.journal.add({
      protocol: 'soap',
      operation: call.operation,
      controlId: call.envelope?.messageId ?? '',
      sender: '',
      outcome: done
        ? done.outcome
        : dial?.fault === 'fault' || dial?.fault === 'status'
          ? 'refused'
          : 'ignored',
      code: done?.code ?? '',
      bytes: call.bytes,
      ...(done?.error === undefined ? {} : { error: done.error }),
      ...(dial ? { fault: dial.fault } : {}),
    });
    await sendUnder(dial, answer, response, options.switchboard);
  };
  return openGate(server, { ...options, protocol: 'soap' });
}

/** A request as it came: an envelope, or the Fault that it earns. */
interface Call {
  readonly version: SoapVersion;
  readonly operation: string;
  readonly envelope: Envelope | undefined;
  readonly request: XmlElement | undefined;
  readonly fault: Fault | undefined;
  readonly bytes: number;
}

interface Done {
  readonly answer: HttpAnswer;
  readonly response: Tree | undefined;
  readonly outcome: 'accepted' | 'refused';
  readonly code: string;
  readonly error?: string;
}

async function readCall(request: IncomingMessage, options: SoapOptions): Promise<Call> {
  const type = request.headers['content-type'] ?? '';
  let version: SoapVersion = type.includes('application/soap+xml') ? '1.2' : '1.1';
  let bytes: Buffer = Buffer.alloc(0);
  let envelope: Envelope | undefined;
  let fault: Fault | undefined;
  try {
    bytes = await readBody(request, MAX_REQUEST);
    const root = parseXml(bytes);
    envelope = openEnvelope(root);
    version = envelope.version;
    fault = checkAddressing(envelope, request, type, options);
  } catch (error) {
    fault = toFault(error);
  }
  const operation = envelope?.request?.name ?? 'unreadable';
  return { version, operation, envelope, request: envelope?.request, fault, bytes: bytes.length };
}

function checkAddressing(
  envelope: Envelope,
  request: IncomingMessage,
  type: string,
  options: SoapOptions,
): Fault | undefined {
  const wanted = envelope.version === '1.1' ? 'text/xml' : 'application/soap+xml';
  if (!type.startsWith(wanted))
    return { side: 'sender', code: 'SCHEMA', text: `The Content-Type is ${wanted}` };
  const element = envelope.request;
  if (!element || element.ns !== options.seed.schema.namespace || !isOperation(element.name)) {
    return { side: 'sender', code: 'UNSUPPORTED', text: 'There is no such operation' };
  }
  const header = request.headers['soapaction'];
  const action =
    envelope.version === '1.1' ? String(header ?? '').replaceAll('"', '') : actionParameter(type);
  if (action !== '' && action !== `${element.ns}/${element.name}`) {
    return { side: 'sender', code: 'UNSUPPORTED', text: 'The action is not that of the Body' };
  }
  return undefined;
}

function actionParameter(contentTypeHeader: string): string {
  return /;\s*action="?([^";]*)"?/i.exec(contentTypeHeader)?.[1] ?? '';
}

function toFault(error: unknown): Fault {
  if (error instanceof SoapFault) return error.fault;
  if (error instanceof XmlError || error instanceof SchemaError || error instanceof BodyTooLarge) {
    return { side: 'sender', code: 'SCHEMA', text: error.message };
  }
  console.error('legacy core: a call failed', error);
  return { side: 'receiver', code: 'INTERNAL', text: 'The service failed', retry: false };
}

function perform(call: Call, verify: (header: XmlElement | undefined) => void, options: SoapOptions): Done {
  try {
    if (call.fault) throw new SoapFault(call.fault);
    if (!call.request) throw new SoapFault({ side: 'sender', code: 'SCHEMA', text: 'The Body is empty' });
    verify(call.envelope?.header);
    const { schema, catalogues } = options.seed;
    const request = schema.read(call.operation, call.request);
    const response = runOperation(call.operation, request, options.hospital(), catalogues);
    const code = text(response, 'Result', 'ReturnCode');
    const reason = text(response, 'Result', 'ReasonCode');
    return {
      answer: success(call, response, options),
      response,
      outcome: code === '8' ? 'refused' : 'accepted',
      code,
      ...(reason === '' ? {} : { error: reason }),
    };
  } catch (error) {
    const fault = toFault(error);
    return {
      answer: failure(call, fault, options),
      response: undefined,
      outcome: 'refused',
      code: 'Fault',
      error: fault.code,
    };
  }
}

function success(call: Call, response: Tree, options: SoapOptions): HttpAnswer {
  const { schema } = options.seed;
  const type = `${call.operation}Response`;
  const body = `<${type} xmlns="${schema.namespace}">${schema.write(type, response)}</${type}>`;
  return envelopeAnswer(call, 200, body);
}

function failure(call: Call, fault: Fault, options: SoapOptions): HttpAnswer {
  const body = writeFault(call.version, fault, options.seed.schema.namespace);
  return envelopeAnswer(call, faultStatus(call.version, fault), body);
}

function envelopeAnswer(call: Call, status: number, body: string): HttpAnswer {
  const envelope = writeEnvelope(call.version, body, call.envelope?.messageId ?? '');
  return { status, headers: { 'content-type': contentType(call.version) }, body: envelope };
}

/** The answer that a dial makes of what was done, where SOAP itself goes wrong. */
function answerUnder(
  dial: WireDial | undefined,
  call: Call,
  done: Done | undefined,
  options: SoapOptions,
): HttpAnswer {
  if (dial?.fault === 'fault') {
    const side = textOf(dial, 'side') === 'sender' ? 'sender' : 'receiver';
    return failure(
      call,
      { side, code: textOf(dial, 'code'), text: textOf(dial, 'text'), retry: isOn(dial, 'retry') },
      options,
    );
  }
  if (dial?.fault === 'bomb') return bomb(call);
  if (dial?.fault === 'partial' && done?.response && done.code === '0') {
    return success(call, partially(done.response, textOf(dial, 'source')), options);
  }
  return done?.answer ?? envelopeAnswer(call, 200, '');
}

/** Ten entities, each ten times the one before. */
function bomb(call: Call): HttpAnswer {
  const levels = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join(
    '',
  );
  const body =
    `<?xml version="1.0"?><!DOCTYPE soap:Envelope [<!ENTITY l0 "ha">${levels}]>` +
    writeEnvelope(call.version, '&l9;', '').replace(/^<\?xml[^>]*\?>\n/, '');
  return { status: 200, headers: { 'content-type': contentType(call.version) }, body };
}
