/** `pipe schema`: the JSON Schema of pipeline.yaml, for editors. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pipelineSchema } from '../pipe/config/schema.ts';
import type { Command } from './command.ts';

export const schemaCommand: Command = {
  name: 'schema',
  usage: 'schema',
  summary: 'the JSON Schema of pipeline.yaml, for editors',
  options: [
    {
      name: 'output',
      short: 'o',
      type: 'string',
      placeholder: 'FILE',
      summary: 'write it there instead of to stdout',
    },
  ],
  run: async (invocation) => {
    const text = `${JSON.stringify(pipelineSchema, null, 2)}\n`;
    const output = invocation.text('output');
    if (output === undefined) process.stdout.write(text);
    else writeFileSync(resolve(output), text);
    return 0;
  },
};
