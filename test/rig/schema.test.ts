import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pipelineSchema } from '../../src/pipe/config/schema.ts';
import { repository } from './project.ts';

it('is the schema that editors find beside pipeline.yaml (renew it with `pipe schema -o`)', () => {
  const committed = readFileSync(join(repository, 'pipeline.schema.json'), 'utf8');
  expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(pipelineSchema)));
});
