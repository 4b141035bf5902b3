/**
 * The published JSON Schema of `pipeline.yaml`: what editors complete and ajv checks. Knows nothing
 * of stages' own params, which their code declares.
 *
 * Wherever a number or a list may stand, a lone `${params.x}` may stand too: editors see the file
 * before references are replaced, the loader validates it afterwards. `x-expects` words the error.
 */
import type { JsonObject } from '../json.ts';
import { DURATION_PATTERN, SIZE_PATTERN } from './quantity.ts';

/** Stage, axis, input and output names. */
const NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_-]*$';
const REFERENCE = String.raw`\$\{[^}]*\}`;
const LONE_REFERENCE = `^${REFERENCE}$`;

const wholeNumber = (description: string): JsonObject => ({
  description,
  type: ['integer', 'string'],
  minimum: 0,
  pattern: LONE_REFERENCE,
  'x-expects': 'a whole number ≥ 0',
});

const quantity = (pattern: string, expects: string, description: string): JsonObject => ({
  description,
  type: 'string',
  pattern: `${pattern}|${LONE_REFERENCE}`,
  'x-expects': expects,
});

const text = (description: string): JsonObject => ({
  description,
  type: 'string',
  minLength: 1,
  'x-expects': 'text',
});

const named = (description: string, value: JsonObject): JsonObject => ({
  description,
  type: 'object',
  propertyNames: { pattern: NAME_PATTERN },
  additionalProperties: value,
  'x-expects': 'a mapping of names',
});

const matrix = named('Runs the stage once for every combination of these values.', {
  description: 'The values of an axis: scalars, or objects whose `name` labels the cell.',
  type: ['array', 'string'],
  minItems: 1,
  pattern: LONE_REFERENCE,
  'x-expects': 'a list with at least one value',
});

const inputs = named('What the stage reads; everything else is refused.', {
  description: 'STAGE.OUTPUT, a path, a folder or a glob relative to this file; or a list of them.',
  type: ['string', 'array'],
  minLength: 1,
  minItems: 1,
  items: text('STAGE.OUTPUT, a path, a folder or a glob.'),
  'x-expects': 'STAGE.OUTPUT, a path, a glob, or a list of them',
});

const resources: JsonObject = {
  description: 'What one task of the stage occupies while it runs.',
  type: 'object',
  additionalProperties: false,
  'x-expects': 'a mapping',
  properties: {
    cpu: { ...wholeNumber('Processor cores; also the number of threads it may use.'), default: 1 },
    gpu: { ...wholeNumber('Devices, leased one task each.'), default: 0 },
    memory: quantity(SIZE_PATTERN, 'a size such as 4GiB', 'Memory, such as 4GiB.'),
    pools: named('Units of named pools, such as `disk: 1`.', wholeNumber('Units taken.')),
  },
};

const stage: JsonObject = {
  description: 'A step: code (`use`) or a shell command (`cmd`), what it reads and what it makes.',
  type: 'object',
  additionalProperties: false,
  'x-expects': 'a mapping',
  properties: {
    use: text('Stage module, such as stages/train.ts, relative to this file.'),
    cmd: text('Shell command; ${inputs.x}, ${outputs.y} and ${params.z} become quoted words.'),
    matrix,
    inputs,
    outputs: named(
      'Outputs of a `cmd` stage: name → file name; a trailing / makes a folder.',
      text('File name inside the artifact.'),
    ),
    params: {
      description: 'Settings of the stage; a module declares which there are.',
      type: 'object',
      'x-expects': 'a mapping',
    },
    resources,
    retries: { ...wholeNumber('How often a failed task is tried again.'), default: 0 },
    timeout: quantity(
      DURATION_PATTERN,
      'a duration such as 90s or 2h',
      'Longest time a task may take.',
    ),
    env: {
      description: 'Environment variables the stage sees; they enter its key.',
      type: 'array',
      items: text('Name of a variable.'),
      uniqueItems: true,
      'x-expects': 'a list of names',
    },
    seed: { ...wholeNumber("Seed of the stage's random generator."), default: 0 },
    numerics: {
      description:
        'strict puts the numeric backend and device into the key; interchangeable does not.',
      enum: ['interchangeable', 'strict'],
      default: 'interchangeable',
    },
  },
};

/** `strict` would refuse x-expects and the unions of types that references make necessary. */
export const SCHEMA_OPTIONS = { strict: false } as const;

export const pipelineSchema: JsonObject = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'pipeline.yaml',
  description: 'A declarative pipeline of cached stages.',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'stages'],
  'x-expects': 'a mapping',
  properties: {
    version: { description: 'Version of this format.', const: 1 },
    params: {
      description: 'Shared values, used as ${params.name}; overridden by --set params.name=value.',
      type: 'object',
      'x-expects': 'a mapping',
    },
    remote: text('Address or folder of a shared store.'),
    pools: named('How many units of a named pool there are; one, where it is not said.', {
      ...wholeNumber('Units that tasks may hold together.'),
      minimum: 1,
      'x-expects': 'a whole number ≥ 1',
    }),
    stages: {
      description: 'The stages by name.',
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: NAME_PATTERN },
      additionalProperties: stage,
      'x-expects': 'a mapping of stages',
    },
  },
};
