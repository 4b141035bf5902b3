/** Every event that the command line prints in a test must be one that the published schema tells of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';

let check: ValidateFunction | undefined;

export function assertPublishedEvent(event: unknown): void {
  check ??= new Ajv({ discriminator: false, strict: false }).compile(
    JSON.parse(
      readFileSync(join(import.meta.dirname, '../../docs/events.schema.json'), 'utf8'),
    ) as object,
  );
  if (check(event)) return;
  const problems = (check.errors ?? []).map(
    ({ instancePath, message }) => `${instancePath} ${message}`,
  );
  throw new Error(
    `not in docs/events.schema.json: ${JSON.stringify(event)}\n${problems.join('\n')}`,
  );
}
