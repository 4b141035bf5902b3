/** `pipe schema`: the JSON Schema of pipeline.yaml, for editors, or of the events that --json prints. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import eventsSchema from '../../docs/events.schema.json' with { type: 'json' };
import { pipelineSchema } from '../pipe/config/schema.ts';
import type { Command } from './command.ts';

export const schemaCommand: Command = {
  name: 'schema',
  usage: 'schema',
  summary: 'the JSON Schema of pipeline.yaml, for editors, or of the events that --json prints',
  options: [
    { name: 'events', type: 'boolean', summary: 'of the events, one a line of --json' },
    {
      name: 'output',
      short: 'o',
      type: 'string',
      placeholder: 'FILE',
      summary: 'write it there instead of to stdout',
    },
  ],
  run: async (invocation) => {
    const schema = invocation.flag('events') ? eventsSchema : pipelineSchema;
    const text = `${JSON.stringify(schema, null, 2)}\n`;
    const output = invocation.text('output');
    if (output === undefined) process.stdout.write(text);
    else writeFileSync(resolve(output), text);
    return 0;
  },
};
