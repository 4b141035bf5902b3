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

/** Blanks, then `key:`, or the dash of a list. */
const LINE = /( *)(?:([A-Za-z_][\w-]{0,99}):(?= |\n|$)|-(?= +[^\s#]))/y;
/** A line that says nothing. */
const SILENT = / *(?:#[^\n]*)?(?:\n|$)/y;
const BLANKS = / */y;
/** What may stand behind a value. */
const LINE_END = /(?: +#[^\n]*| *)(?:\n|$)/y;
/** A scalar without quotes: what ends it or makes it something else is looked at afterwards. */
const SCALAR = /(?:[\w./$(\\]|-\d)[^\n#]*/y;

/** A collection whose lines begin at the same column. */
interface Block {
  readonly indent: number;
  readonly mapping?: Mapping;
  readonly list?: Json[];
  /** Where a value below the last key goes; undefined once that has one. */
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
    while (this.#at < this.#text.length) if (!this.#take(SILENT)) this.#line();
    return Object.keys(root).length === 0 ? leave() : root;
  }

  #line(): void {
    const [, blanks, key] = this.#take(LINE) ?? leave();
    const block = this.#blockAt((blanks as string).length, key === undefined);
    if (key === undefined) (block.list ?? leave()).push(this.#value() ?? leave());
    else this.#pair(block, key);
  }

  #pair(block: Block, key: string): void {
    const mapping = block.mapping ?? leave();
    if (!isPlainKey(key) || Object.hasOwn(mapping, key)) leave();
    const value = this.#value();
    // A key without a value has null, until a deeper line says more.
    mapping[key] = value ?? null;
    block.waiting = value === undefined ? key : undefined;
  }

  /** The collection that a line with this indentation belongs to; a deeper one begins a new one. */
  #blockAt(indent: number, isList: boolean): Block {
    const open = this.#open;
    const last = open.at(-1) as Block;
    if (indent > last.indent) return this.#begin(last, indent, isList);
    while ((open.at(-1) as Block).indent > indent) open.pop();
    const block = open.at(-1);
    return block?.indent === indent ? block : leave();
  }

  #begin({ mapping, waiting }: Block, indent: number, isList: boolean): Block {
    if (mapping === undefined || waiting === undefined) return leave();
    const inner = isList ? { list: [] as Json[] } : { mapping: {} as Mapping };
    mapping[waiting] = inner.list ?? (inner.mapping as Mapping);
    const block: Block = { indent, ...inner, waiting: undefined };
    this.#open.push(block);
    return block;
  }

  /** The rest of the line; undefined where nothing stands there. */
  #value(): Json | undefined {
    if (this.#take(LINE_END)) return undefined;
    this.#take(BLANKS);
    const inline = this.#flow.valueAt(this.#at);
    const value = inline === undefined ? this.#scalar() : inline.value;
    if (inline !== undefined) this.#at = inline.end;
    return this.#take(LINE_END) ? value : leave();
  }

  #scalar(): Json {
    const [written] = this.#take(SCALAR) ?? leave();
    const text = (written as string).trimEnd();
    this.#at -= (written as string).length - text.length;
    // A colon may make it a key.
    return /:(?: |$)/.test(text) ? leave() : scalarOf(text);
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }
}

/** A quoted scalar without escapes, whole. */
const QUOTED = /"([^"\\\n]*)"|'([^'\n]*)'/y;
const FLOW_KEY = / *([A-Za-z_][\w-]{0,99}): +/y;
const FLOW_SCALAR = /[\w./][\w./*=+@%~-]*(?: +[\w./*=+@%~-]+)*|-\d[\w.]*/y;
const MOST_NESTED = 20;

/** Quoted scalars, and collections in brackets; all on one line. */
class FlowReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Undefined where neither begins. */
  valueAt(at: number): { readonly value: Json; readonly end: number } | undefined {
    if (!'"\'{['.includes(this.#text[at] as string)) return undefined;
    this.#at = at;
    const value = this.#value(0);
    return { value, end: this.#at };
  }

  #value(depth: number): Json {
    if (depth > MOST_NESTED) leave();
    const first = this.#text[this.#at];
    if (first === '{') return this.#mapping(depth);
    if (first === '[') return this.#list(depth);
    if (first === '"' || first === "'") {
      const [, double, single] = this.#take(QUOTED);
      return (double ?? single) as string;
    }
    return scalarOf(this.#take(FLOW_SCALAR)[0]);
  }

  #mapping(depth: number): Mapping {
    const mapping: Mapping = {};
    this.#items('}', () => {
      const key = this.#take(FLOW_KEY)[1] as string;
      if (!isPlainKey(key) || Object.hasOwn(mapping, key)) leave();
      mapping[key] = this.#value(depth + 1);
    });
    return mapping;
  }

  #list(depth: number): Json[] {
    const list: Json[] = [];
    this.#items(']', () => {
      list.push(this.#value(depth + 1));
    });
    return list;
  }

  #items(close: string, item: () => void): void {
    this.#at += 1;
    this.#take(BLANKS);
    if (this.#text[this.#at] !== close) {
      item();
      for (this.#take(BLANKS); this.#text[this.#at] === ','; this.#take(BLANKS)) {
        this.#at += 1;
        this.#take(BLANKS);
        item();
      }
    }
    if (this.#text[this.#at] !== close) leave();
    this.#at += 1;
  }

  #take(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? leave();
    this.#at = pattern.lastIndex;
    return match;
  }
}

const WORDS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ...['null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);

function isPlainKey(key: string): boolean {
  return key !== '__proto__' && !WORDS.has(key);
}

/** A scalar without quotes. Not every number that YAML knows is plain, but nothing else is a number. */
function scalarOf(text: string): Json {
  if (/^[A-Za-z_]/.test(text)) return WORDS.has(text) ? (WORDS.get(text) as Json) : text;
  if (/^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/.test(text)) return Number(text);
  return /[^-+.\da-fA-FxoIiNn]/.test(text) ? text : leave();
}
