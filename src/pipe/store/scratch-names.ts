/**
 * Names in the folder of scratch: each tells whose it is, so that what dead engines left is found. Knows
 * nothing of what lies there.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileNameOf } from './cache-layout.ts';
import { livenessOf, ownIdentity } from './process-identity.ts';

let serial = 0;

/** A name that nothing else has. */
export function scratchName(purpose: string): string {
  serial += 1;
  return [purpose, fileNameOf(ownIdentity().host), process.pid, serial].join('~');
}

/** Removes what dead engines of this machine left in scratch. */
export function sweepScratch(scratch: string): void {
  if (!existsSync(scratch)) return;
  for (const name of readdirSync(scratch)) {
    const [, host, pid] = name.split('~');
    const identity = { pid: Number(pid), start: '', host: ownIdentity().host };
    if (host !== fileNameOf(ownIdentity().host) || livenessOf(identity) !== 'dead') continue;
    rmSync(join(scratch, name), { recursive: true, force: true, maxRetries: 3 });
  }
}
