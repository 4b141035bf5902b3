/**
 * The plain part of YAML, read quickly: mappings in blocks, scalars of one line, lists, flow
 * collections of one line, comments. Whatever it takes, the YAML library reads as the same value;
 * what is not plain beyond doubt it leaves to the library, and so does all that is wrong: it says
 * nothing but "not mine". Knows no places, which only complaints need.
 */
import type { Json } from '../json.ts';

type Mapping = { [key: string]: Json };

/** The value of the document, or undefined where the library has to read it. */
export function readPlainYaml(text: string): Json | undefined {
  // Other characters can be line ends, blanks or nothing at all, each by a rule of its own.
  if (/[^\n\x20-\x7e]/.test(text)) return undefined;
  try {
    return new BlockReader(text).document();
  } catch (error) {
    if (error === NOT_PLAIN) return undefined;
    throw error;
  }
}

const NOT_PLAIN = Symbol('not plain');

function leave(): never {
  throw NOT_PLAIN;
}

/** Blanks, `key:` or the dash of a list, and then the end of the line, a scalar, or something else. */
const LINE =
  /( *)(?:([A-Za-z_][\w-]{0,99}):|-)(?: *(\n|$)| +(?:((?:[\w./$(\\]|-\d)[^\n#]*)|(?=["'[{#])))/y;
/** A line that says nothing. */
const SILENT = / *(?:#[^\n]*)?(?:\n|$)/y;
/** What may stand behind a value. */
const LINE_END = /(?: +#[^\n]*| *)(?:\n|$)/y;

/** A collection whose lines begin at the same column. */
interface Block {
  readonly indent: number;
  readonly mapping?: Mapping;
  readonly list?: Json[];
  /** The last key, where deeper lines may still give its value. */
  waiting: string | undefined;
}

class BlockReader {
  readonly #text: string;
  readonly #flow: FlowReader;
  readonly #open: Block[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#flow = new FlowReader(text);
  }

  document(): Json {
    const root: Mapping = {};
    this.#open.push({ indent: 0, mapping: root, waiting: undefined });
    while (this.#at < this.#text.length) this.#line();
    return Object.keys(root).length === 0 ? leave() : root;
  }

  #line(): void {
    LINE.lastIndex = this.#at;
    const match = LINE.exec(this.#text);
    if (match === null) this.#skip(SILENT);
    else this.#pair(match);
  }

  /** A key or a dash, and what stands behind it. */
  #pair([, blanks, key, end, scalar]: RegExpExecArray): void {
    this.#at = LINE.lastIndex;
    const block = this.#blockAt((blanks as string).length, key === undefined);
    const value = end === undefined ? this.#value(scalar) : undefined;
    if (key === undefined) (block.list ?? leave()).push(value ?? leave());
    else setLast(block, key, value);
  }

  /** The collection that a line with this indentation belongs to; a deeper one begins a new one. */
  #blockAt(indent: number, isList: boolean): Block {
    const open = this.#open;
    const last = open.at(-1) as Block;
    if (indent > last.indent) return this.#begin(last, indent, isList);
    while ((open.at(-1) as Block).indent > indent) open.pop();
    const block = open.at(-1) as Block;
    return block.indent === indent ? block : leave();
  }

  #begin({ mapping, waiting }: Block, indent: number, isList: boolean): Block {
    if (mapping === undefined || waiting === undefined) return leave();
    const block: Block = isList
      ? { indent, list: [], waiting: undefined }
      : { indent, mapping: {}, waiting: undefined };
    mapping[waiting] = (block.list ?? block.mapping) as Json;
    this.#open.push(block);
    return block;
  }

  /** What stands on the rest of the line; undefined for a comment. */
  #value(scalar: string | undefined): Json | undefined {
    if (scalar !== undefined) return this.#scalar(scalar);
    const isComment = this.#text[this.#at] === '#';
    const value = isComment ? undefined : this.#flow.valueAt(this.#at);
    if (!isComment) this.#at = this.#flow.at;
    this.#skip(isComment ? SILENT : LINE_END);
    return value;
  }

  #scalar(written: string): Json {
    const text = written.trimEnd();
    this.#at -= written.length - text.length;
    this.#skip(LINE_END);
    // A colon may make it a key.
    return text.includes(':') && /:(?: |$)/.test(text) ? leave() : scalarOf(text);
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) leave();
    this.#at = pattern.lastIndex;
  }
}

/** A key without a value has null, until deeper lines say more. */
function setLast(block: Block, key: string, value: Json | undefined): void {
  setOnce(block.mapping ?? leave(), key, value ?? null);
  block.waiting = value === undefined ? key : undefined;
}

function setOnce(mapping: Mapping, key: string, value: Json): void {
  if (key === '__proto__' || WORDS.has(key) || Object.hasOwn(mapping, key)) leave();
  mapping[key] = value;
}

/** A quoted scalar without escapes, whole. */
const QUOTED = /"([^"\\\n]*)"|'([^'\n]*)'/y;
const FLOW_KEY = /([A-Za-z_][\w-]{0,99}): +/y;
const FLOW_SCALAR = /[\w./][\w./*=+@%~-]*(?: +[\w./*=+@%~-]+)*|-\d[\w.]*/y;
const MOST_NESTED = 20;

/** Quoted scalars, and collections in brackets; all on one line. */
class FlowReader {
  readonly #text: string;
  /** Where it stopped. */
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  valueAt(at: number, depth = 0): Json {
    this.at = at;
    if (depth > MOST_NESTED) leave();
    const first = this.#text[at];
    if (first === '{') return this.#mapping(depth + 1);
    if (first === '[') return this.#list(depth + 1);
    if (first !== '"' && first !== "'") return scalarOf(this.#take(FLOW_SCALAR)[0]);
    const [, double, single] = this.#take(QUOTED);
    return (double ?? single) as string;
  }

  #mapping(depth: number): Mapping {
    const mapping: Mapping = {};
    this.#items('}', () => {
      const key = this.#take(FLOW_KEY)[1] as string;
      setOnce(mapping, key, this.valueAt(this.at, depth));
    });
    return mapping;
  }

  #list(depth: number): Json[] {
    const list: Json[] = [];
    this.#items(']', () => {
      list.push(this.valueAt(this.at, depth));
    });
    return list;
  }

  #items(close: string, item: () => void): void {
    if (this.#next() !== close) {
      do {
        item();
        if (this.#text[this.at] === ' ') this.#skipBlanks();
      } while (this.#text[this.at] === ',' && this.#next() !== undefined);
    }
    if (this.#text[this.at] !== close) leave();
    this.at += 1;
  }

  /** The first character that is no blank behind this one, which is left behind. */
  #next(): string | undefined {
    this.at += 1;
    this.#skipBlanks();
    return this.#text[this.at];
  }

  #skipBlanks(): void {
    while (this.#text[this.at] === ' ') this.at += 1;
  }

  #take(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text) ?? leave();
    this.at = pattern.lastIndex;
    return match;
  }
}

const WORDS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ...['null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);

/** A scalar without quotes. Not every number that YAML knows is plain, but nothing else is a number. */
function scalarOf(text: string): Json {
  if (/^[A-Za-z_]/.test(text)) return WORDS.has(text) ? (WORDS.get(text) as Json) : text;
  if (/^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/.test(text)) return Number(text);
  return /[^-+.\da-fA-FxoIiNn]/.test(text) ? text : leave();
}
