/**
 * Writes docs/events.schema.json: the JSON Schema of the lines that `--json` prints, made from the
 * types of src/pipe/event.ts, which stay the only declaration. `node tools/events-schema.mjs`
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'src', 'pipe', 'event.ts');
export const schemaFile = join(root, 'docs', 'events.schema.json');

/** Brands are text to a reader. */
const TEXTS = { Digest: '^[0-9a-f]{64}$', Key: '^[0-9a-f]{64}$' };

export function eventsSchema() {
  const program = ts.createProgram([source], {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts'],
    types: [],
    allowImportingTsExtensions: true,
    noEmit: true,
  });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(source);
  const writer = new Writer(checker);
  const union = file.statements.find(
    (node) => ts.isTypeAliasDeclaration(node) && node.name.text === 'Event',
  ).type;
  const members = union.types.map((node, index) => {
    const schema = writer.schemaOf(checker.getTypeAtLocation(node));
    const before = index === 0 ? union.getFullStart() : union.types[index - 1].end;
    const description = commentIn(file.text.slice(before, node.getStart()));
    return description === undefined || schema.$ref ? schema : { description, ...schema };
  });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A line of `pipe run --json`',
    description:
      'Newline-delimited events. The last line of a run is the summary. Lines of `pipe watch --json` are the same, with a summary after each build.',
    oneOf: members,
    definitions: Object.fromEntries([...writer.definitions].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

class Writer {
  definitions = new Map();
  #checker;

  constructor(checker) {
    this.#checker = checker;
  }

  /** Types with a name of our own become definitions. */
  schemaOf(type) {
    const name = nameOf(type);
    if (name === undefined) return this.#inline(type);
    if (!this.definitions.has(name)) {
      this.definitions.set(name, {});
      this.definitions.set(name, TEXTS[name] ? textSchema(name) : this.#named(type));
    }
    return { $ref: `#/definitions/${name}` };
  }

  #named(type) {
    const symbol = type.aliasSymbol ?? type.symbol;
    const description = this.#docOf(symbol);
    const schema = this.#inline(type);
    return description === undefined ? schema : { description, ...schema };
  }

  #inline(type) {
    const { flags } = type;
    if (flags & ts.TypeFlags.StringLiteral) return { const: type.value };
    if (flags & ts.TypeFlags.NumberLiteral) return { const: type.value };
    if (flags & ts.TypeFlags.BooleanLiteral) return { const: type.intrinsicName === 'true' };
    if (flags & ts.TypeFlags.String) return { type: 'string' };
    if (flags & ts.TypeFlags.Number) return { type: 'number' };
    if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
    if (flags & ts.TypeFlags.Null) return { type: 'null' };
    if (type.isUnion()) return this.#unionOf(type.types);
    if (this.#checker.isArrayType(type)) {
      return { type: 'array', items: this.schemaOf(this.#checker.getTypeArguments(type)[0]) };
    }
    if (flags & ts.TypeFlags.Object) return this.#objectOf(type);
    throw new Error(`no schema for ${this.#checker.typeToString(type)}`);
  }

  #unionOf(types) {
    const present = types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined));
    if (present.every(({ flags }) => flags & ts.TypeFlags.StringLiteral)) {
      return { enum: present.map(({ value }) => value) };
    }
    const isFlag = ({ flags }) => flags & ts.TypeFlags.BooleanLiteral;
    const others = present.filter((type) => !isFlag(type));
    const flag = others.length < present.length ? [{ type: 'boolean' }] : [];
    const schemas = [...others.map((type) => this.schemaOf(type)), ...flag];
    return schemas.length === 1 ? schemas[0] : { anyOf: schemas };
  }

  #objectOf(type) {
    const values = this.#checker.getIndexInfosOfType(type)[0];
    const properties = this.#checker.getPropertiesOfType(type);
    const required = properties.filter((property) => !this.#mayBeAbsent(property));
    return {
      type: 'object',
      ...(properties.length === 0
        ? {}
        : {
            properties: Object.fromEntries(
              properties.map((each) => [each.name, this.#valueOf(each)]),
            ),
            required: required.map(({ name }) => name),
          }),
      additionalProperties: values === undefined ? false : this.schemaOf(values.type),
    };
  }

  /** JSON has no undefined: such a property is left out. */
  #mayBeAbsent(property) {
    if (property.flags & ts.SymbolFlags.Optional) return true;
    const type = this.#checker.getTypeOfSymbol(property);
    return type.isUnion() && type.types.some(({ flags }) => flags & ts.TypeFlags.Undefined);
  }

  #valueOf(property) {
    const description = this.#docOf(property);
    const schema = this.schemaOf(this.#checker.getTypeOfSymbol(property));
    return description === undefined || schema.$ref ? schema : { description, ...schema };
  }

  #docOf(symbol) {
    const text = ts.displayPartsToString(symbol?.getDocumentationComment(this.#checker) ?? []);
    return text === '' ? undefined : text;
  }
}

function nameOf(type) {
  const symbol = type.aliasSymbol ?? (type.isClassOrInterface() ? type.symbol : undefined);
  const isOurs = symbol?.declarations?.some((node) =>
    node.getSourceFile().fileName.includes('/src/pipe/'),
  );
  return isOurs ? symbol.name : undefined;
}

function textSchema(name) {
  return { description: 'SHA-256, in hexadecimal digits.', type: 'string', pattern: TEXTS[name] };
}

function commentIn(text) {
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1];
  return comment
    ?.replace(/\n\s*\*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(schemaFile, `${JSON.stringify(eventsSchema(), null, 2)}\n`);
}
