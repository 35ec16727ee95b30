/** The sandbox in a process of its own: as in a hospital, it does not share its processor time with Ficus. */
import { startSandbox } from '../../sandbox/index.ts';

// Ctrl-C reaches the whole terminal; the tour ends this process when Ficus asks it no more.
process.on('SIGINT', () => {});
const password = process.env['TOUR_PASSWORD'] ?? '';
const others = Number(process.env['TOUR_OTHERS']);
const ports = { mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 };
const sandbox = await startSandbox({ ...ports, others, security: { user: 'ficus', password } });
process.send?.(sandbox.addresses);
// Nobody is there any more who would end it.
process.once('disconnect', () => void sandbox.close().then(() => process.exit()));
