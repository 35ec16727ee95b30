import type { AddressInfo } from 'node:net';
import express from 'express';
import CircuitBreaker from 'opossum';
import winston from 'winston';
import { cardPatient } from './card-patient.ts';
import { createCardPool } from './card-pool.ts';
import { playRole } from './role.ts';

// The plain stack of the card's packages, a process of its own: node card.ts CORE_PORT. express, hl7-standard, opossum and
// winston, each as its own documentation uses it, over kept MLLP connections; two log lines a read, as Ficus writes them.

const exchange = createCardPool(Number(process.argv[2]), 8);
const log = winston.createLogger({
  format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
  transports: [new winston.transports.Stream({ stream: process.stdout })],
});
let sent = 0;

async function readPatient(number: string): Promise<object | undefined> {
  const controlId = `C${(sent += 1)}`;
  const startedAt = Date.now();
  const stamp = new Date().toISOString().replaceAll(/[-:TZ]|\.\d+/g, '');
  const reply = await exchange(
    `MSH|^~\\&|FICUS|GATE|HOSPIX|MAIN|${stamp}||QBP^Q22^QBP_Q21|${controlId}|P|2.5||||||UNICODE UTF-8\r` +
      `QPD|IHE PDQ Query|${controlId}|@PID.3.1^${number}~@PID.3.4^HOSP\rRCP|I\r`,
  );
  const patient = cardPatient(reply, controlId, number);
  log.info('exchange', { messageType: 'QBP^Q22', controlId, ack: 'AA', durationMs: Date.now() - startedAt });
  return patient;
}

const breaker = new CircuitBreaker(readPatient, {
  timeout: 8_000,
  errorThresholdPercentage: 50,
  resetTimeout: 5_000,
});
const app = express();

app.use((req, res, next) => {
  const startedAt = Date.now();
  res.on('finish', () =>
    log.info('request', {
      method: req.method,
      route: 'Patient.read',
      status: res.statusCode,
      durationMs: Date.now() - startedAt,
    }),
  );
  next();
});

app.get('/fhir/r4/Patient/:id', async (req, res) => {
  try {
    const patient = await breaker.fire(req.params.id);
    if (patient) res.type('application/fhir+json').json(patient);
    else
      res
        .status(404)
        .json({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'not-found' }] });
  } catch (error) {
    log.error('failed', { error: error instanceof Error ? error.message : 'unknown' });
    res
      .status(503)
      .json({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'transient' }] });
  }
});

const server = app.listen(0, '127.0.0.1', () => playRole((server.address() as AddressInfo).port));
