/**
 * `dvc.yaml` → a pipeline of `cmd:` stages. A DVC command finds its files where the project has them, so
 * each command gets a folder laid out like that: its dependencies linked in, its outputs moved out, and
 * a params.yaml of just the params that it declares. What has no counterpart is noted with its line.
 */
import { posix } from 'node:path';
import type { Json, JsonObject } from '../../pipe/json.ts';
import {
  type Axis,
  axisReference,
  type Cell,
  cellsOf,
  foreachAxis,
  matrixAxis,
  replaceReferences,
  valueIn,
} from './cell.ts';
import { type DvcDocument, entriesOf, isMapping, type Note, readDocument } from './document.ts';

export interface DvcProject {
  /** As the user would type it, such as `dvc.yaml`. */
  readonly file: string;
  /** Text of a file beside it; undefined if there is none. */
  read(name: string): string | undefined;
  isFolder(name: string): boolean;
}

export interface Converted {
  readonly pipeline: JsonObject;
  readonly notes: readonly Note[];
}

type Kind = 'foreach' | 'matrix' | 'none';

interface Out {
  readonly name: string;
  /** Relative to the project, in DVC's own template. */
  readonly template: string;
  readonly folder: boolean;
}

interface Draft {
  readonly dvcName: string;
  readonly name: string;
  readonly at: readonly string[];
  readonly body: JsonObject;
  readonly kind: Kind;
  readonly axes: readonly Axis[];
  readonly cells: readonly Cell[];
  readonly folder: string;
  readonly outs: readonly Out[];
}

/** What a stage's command needs around it, gathered from its dependencies and params. */
interface Layout {
  readonly names: Set<string>;
  readonly inputs: { [name: string]: Json };
  readonly params: { [name: string]: Json };
  readonly folders: Set<string>;
  readonly lines: string[];
}

const SILENT = ['cmd', 'deps', 'outs', 'params', 'metrics', 'plots', 'wdir', 'matrix'];
const METRICS = 'metrics are kept as outputs; `pipe metrics` reads ctx.metric of code stages';
const DROPPED: { readonly [key: string]: string } = {
  frozen: 'a stage cannot be frozen: leave it out of the targets',
  always_changed: 'a stage runs when something changed; `pipe run --force` runs it regardless',
  desc: 'put it into a comment',
  meta: 'put it into a comment',
};

export function convertDvc(project: DvcProject): Converted {
  return new Converter(project).convert();
}

class Converter {
  readonly #project: DvcProject;
  readonly #document: DvcDocument;
  readonly #notes: Note[] = [];
  readonly #shared: { [name: string]: Json } = {};
  readonly #folders: ReadonlySet<string>;
  readonly #axisNames = new Map<string, string>();
  #drafts: readonly Draft[] = [];

  constructor(project: DvcProject) {
    this.#project = project;
    this.#document = readDocument(project.read(project.file) ?? '', project.file);
    this.#folders = lockedFolders(project);
  }

  convert(): Converted {
    const { value } = this.#document;
    for (const [key, item] of Object.entries(value)) this.#readTop(key, item);
    this.#mergeShared('params.yaml');
    const stages = isMapping(value.stages) ? value.stages : {};
    this.#drafts = Object.entries(stages).map(([name, item]) => this.#draft(name, item));
    const converted = this.#drafts.map((draft) => [draft.name, this.#stage(draft)] as const);
    const params = Object.keys(this.#shared).length === 0 ? {} : { params: this.#shared };
    return {
      pipeline: { version: 1, ...params, stages: Object.fromEntries(converted) },
      notes: this.#notes,
    };
  }

  #note(path: readonly (string | number)[], text: string): void {
    const line = this.#document.lineOf(path);
    if (this.#notes.some((note) => note.line === line && note.text === text)) return;
    this.#notes.push({ file: this.#project.file, line, text });
  }

  #readTop(key: string, item: Json): void {
    if (key === 'stages') return;
    if (key === 'vars') {
      for (const each of Array.isArray(item) ? (item as readonly Json[]) : []) {
        if (isMapping(each)) Object.assign(this.#shared, each);
        else this.#mergeShared(String(each).split(':')[0] ?? '');
      }
      return;
    }
    if (key === 'params') return;
    if (key === 'metrics') this.#note([key], METRICS);
    else if (key === 'plots')
      this.#note([key], 'plots are kept as outputs, without their settings');
    else this.#note([key], `${key}: not mapped`);
  }

  #mergeShared(file: string): void {
    const text = this.#project.read(file);
    if (text !== undefined) Object.assign(this.#shared, readDocument(text, file).value);
  }

  // --- Drafts ---

  #draft(dvcName: string, item: Json): Draft {
    const stage = isMapping(item) ? item : {};
    const isForeach = stage.foreach !== undefined;
    const at = ['stages', dvcName, ...(isForeach ? ['do'] : [])];
    const body = isForeach && isMapping(stage.do) ? stage.do : stage;
    const kind: Kind = isForeach ? 'foreach' : isMapping(stage.matrix) ? 'matrix' : 'none';
    const axes = this.#axesOf(stage, kind);
    for (const key of Object.keys(body)) {
      if (!SILENT.includes(key)) {
        this.#note([...at, key], `${key}: not mapped${DROPPED[key] ? `; ${DROPPED[key]}` : ''}`);
      }
    }
    const folder = posix.normalize(String(body.wdir ?? '.'));
    const name = asName(dvcName);
    const draft = { dvcName, name, at, body, kind, axes, cells: cellsOf(axes, kind), folder };
    return { ...draft, outs: this.#outsOf(body, at, folder) };
  }

  #axesOf(stage: JsonObject, kind: Kind): Axis[] {
    if (kind === 'foreach') {
      const over = this.#resolved(stage.foreach as Json);
      const identity = JSON.stringify(over);
      const known = this.#axisNames.get(identity);
      const count = this.#axisNames.size;
      const name = known ?? (count === 0 ? 'item' : `item${count + 1}`);
      this.#axisNames.set(identity, name);
      return [foreachAxis(name, over)];
    }
    if (kind === 'none') return [];
    return Object.entries(stage.matrix as JsonObject).map(([name, values]) => {
      const list = this.#resolved(values);
      return matrixAxis(asName(name), Array.isArray(list) ? list : [list]);
    });
  }

  /** A lone `${…}` as the value that it stands for. */
  #resolved(value: Json): Json {
    if (typeof value !== 'string') return value;
    const reference = /^\$\{\s*([^}]+?)\s*\}$/.exec(value)?.[1];
    if (reference === undefined) return value;
    return valueIn(this.#shared, reference.replace(/\[(\w+)\]/g, '.$1').split('.')) ?? value;
  }

  #outsOf(body: JsonObject, at: readonly string[], folder: string): Out[] {
    const names = new Set<string>();
    return ['outs', 'metrics', 'plots'].flatMap((key) =>
      entriesOf(body[key]).map(({ path, settings }) => {
        if (settings.persist === true) {
          this.#note([...at, key], `${path}: persist is not mapped; every run starts from nothing`);
        }
        if (key === 'metrics') {
          this.#note([...at, key], METRICS);
        }
        const template = posix.join(folder, path);
        return {
          name: uniqueName(path, names),
          template,
          folder: this.#isFolder(template, path, [...at, key]),
        };
      }),
    );
  }

  #isFolder(template: string, path: string, at: readonly string[]): boolean {
    if (path.endsWith('/') || this.#folders.has(template) || this.#project.isFolder(template))
      return true;
    if (this.#project.read(template) !== undefined) return false;
    const stages = isMapping(this.#document.value.stages) ? this.#document.value.stages : {};
    const isEntered = JSON.stringify(stages).includes(`"${template}/`);
    if (isEntered || extensionOf(path) !== '') return isEntered;
    this.#note(at, `${path} is not there and has no extension: taken for a folder`);
    return true;
  }

  // --- Stages ---

  #stage(draft: Draft): JsonObject {
    const { axes, body, at } = draft;
    const layout: Layout = {
      names: new Set(),
      inputs: {},
      params: {},
      folders: new Set(),
      lines: [],
    };
    const { inputs, params, folders, lines } = layout;
    for (const [index, { path }] of entriesOf(body.deps).entries()) {
      this.#addDependency({ draft, path, at: [...at, 'deps', index] }, layout);
    }
    this.#addParams(draft, layout);
    for (const folder of [
      draft.folder,
      ...draft.outs.map(({ template }) => posix.dirname(template)),
    ]) {
      folders.add(this.#text(folder, draft, at));
    }
    folders.delete('.');
    const made = folders.size === 0 ? [] : [`mkdir -p ${[...folders].join(' ')}`];
    const moves = draft.outs.map((out) => this.#move(out, draft));
    const enter = draft.folder === '.' ? [] : [`cd ${draft.folder}`];
    const commands = (Array.isArray(body.cmd) ? body.cmd : [body.cmd ?? 'true']).map((each: Json) =>
      this.#text(String(each), draft, [...at, 'cmd']),
    );
    const leave = draft.folder === '.' ? [] : ['cd "$root/work"'];
    const cmd = [
      'root=$PWD; mkdir -p work; cd work',
      ...made,
      ...lines,
      ...enter,
      ...commands,
      ...leave,
      ...moves,
    ];
    return {
      cmd: `${cmd.join('\n')}\n`,
      ...(axes.length === 0
        ? {}
        : { matrix: Object.fromEntries(axes.map((axis) => [axis.name, axis.values])) }),
      ...(Object.keys(inputs).length === 0 ? {} : { inputs }),
      ...(Object.keys(params).length === 0 ? {} : { params }),
      outputs: Object.fromEntries(draft.outs.map((out) => [out.name, outputPath(out, draft.name)])),
    };
  }

  #move({ name, template, folder }: Out, draft: Draft): string {
    const from = this.#text(template, draft, draft.at);
    const to = `"$root"/\${outputs.${name}}`;
    return folder ? `rmdir ${to} && mv ${from} ${to}` : `mv ${from} ${to}`;
  }

  #addDependency(
    { draft, path, at }: { draft: Draft; path: string; at: readonly (string | number)[] },
    layout: Layout,
  ): void {
    const template = posix.join(draft.folder, path);
    if (template.startsWith('..') || posix.isAbsolute(path) || /^\w+:\/\//.test(path)) {
      this.#note(
        at,
        `${path} lies outside of the project: not mapped; the command will not find it`,
      );
      return;
    }
    const found = this.#producerOf(draft, template);
    if (found === 'several') {
      this.#note(at, `${path} comes from different cells than its reader's: not mapped`);
    } else if (found === undefined) {
      const place = this.#text(template, draft, at);
      link(place, place, path, layout);
    } else if (found.isFan) {
      const name = inputNamed(`${found.draft.name}.${found.out.name}`, path, layout);
      const place = this.#text(template, draft, at);
      layout.folders.add(posix.dirname(place));
      layout.lines.push(
        `set -- \${inputs.${name}}; shift ${found.cell}; ln -s "$root/$1" ${place}`,
      );
    } else {
      const source = `${found.draft.name}.${found.out.name}`;
      const whole = found.out.template;
      if (Object.values(layout.inputs).includes(source)) return;
      const isPart =
        this.#concrete(whole, found.own) !== this.#concrete(template, draft.cells[0] ?? found.own);
      if (isPart) this.#note(at, `${path} is a part of ${whole}: the whole is the input`);
      link(source, this.#text(whole, found.draft, at), path, layout);
    }
  }

  /** The output that a dependency is, or lies in; for each cell the same one. */
  #producerOf(draft: Draft, template: string) {
    const matches = draft.cells.map((cell) => this.#producersOf(this.#concrete(template, cell)));
    const [first] = matches;
    if (first === undefined || matches.every((match) => match === undefined)) return undefined;
    const isSame = matches.every(
      (match) => match?.draft === first.draft && match?.out.name === first.out.name,
    );
    if (!isSame) return 'several';
    if (first.draft.kind === 'none') return { ...first, isFan: false };
    if (draft.kind === 'none') return { ...first, isFan: true };
    const isCellwise = matches.every(
      (match, index) => match?.labels.join() === draft.cells[index]?.labels.join(),
    );
    return isCellwise ? { ...first, isFan: false } : 'several';
  }

  #producersOf(path: string) {
    for (const draft of this.#drafts) {
      for (const [cell, { labels, variables }] of draft.cells.entries()) {
        for (const out of draft.outs) {
          const made = this.#concrete(out.template, { labels, variables });
          if (path !== made && !path.startsWith(`${made}/`)) continue;
          return { draft, out, cell, labels, own: { labels, variables } };
        }
      }
    }
    return undefined;
  }

  #concrete(template: string, { variables }: Cell): string {
    const text = replaceReferences(template, (path) => {
      const value = valueIn(variables, path) ?? valueIn(this.#shared, path);
      return value === undefined ? undefined : String(value);
    });
    return posix.normalize(text).replace(/\/$/, '');
  }

  // --- Params ---

  /** The command finds a file of just these, as JSON, which is YAML. */
  #addParams(draft: Draft, layout: Layout): void {
    const byFile = new Map<string, string[] | undefined>();
    const items = Array.isArray(draft.body.params) ? (draft.body.params as readonly Json[]) : [];
    for (const item of items) {
      if (!isMapping(item)) {
        byFile.set('params.yaml', [...(byFile.get('params.yaml') ?? []), String(item)]);
      } else {
        for (const [file, keys] of Object.entries(item)) {
          byFile.set(file, Array.isArray(keys) && keys.length > 0 ? keys.map(String) : undefined);
        }
      }
    }
    for (const [file, keys] of byFile) this.#addParamsFile({ draft, file, keys }, layout);
  }

  #addParamsFile(
    { draft, file, keys }: { draft: Draft; file: string; keys: readonly string[] | undefined },
    layout: Layout,
  ): void {
    const at = [...draft.at, 'params'];
    const place = posix.join(draft.folder, file);
    const text = this.#project.read(place);
    if (text === undefined || !/\.(ya?ml|json)$/.test(file)) {
      this.#note(at, `${file} is no YAML or JSON file that can be read: not mapped`);
      return;
    }
    const value = readDocument(text, file).value;
    const isShared = place === 'params.yaml';
    const name = asName(place);
    if (!isShared) this.#shared[name] = value;
    const root = isShared ? ['params'] : ['params', name];
    const chosen: { [key: string]: Json } = {};
    for (const key of keys ?? Object.keys(value)) {
      const path = this.#text(key, draft, at).split('.');
      const found = valueIn(value, path);
      if (found === undefined) this.#note(at, `${file} has no ${key}: not mapped`);
      else if (/\$\{/.test(key))
        this.#note(at, `${key}: a param named by a variable is not mapped`);
      else {
        if (/\de[-+]/.test(JSON.stringify(found))) {
          this.#note(at, `${key}: PyYAML reads a number such as 1e-7 as text; ruamel does not`);
        }
        setIn(chosen, path, reference([...root, ...path]) ?? found);
      }
    }
    layout.params[name] = chosen;
    layout.folders.add(posix.dirname(place));
    layout.lines.push(`printf '%s\\n' \${params.${name}} > ${place}`);
  }

  /** DVC's references in ours. */
  #text(text: string, draft: Draft, at: readonly (string | number)[]): string {
    const replaced = replaceReferences(text, (path) => {
      const axis = axisReference(path, draft.axes, draft.kind);
      if (axis !== undefined) return `\${${axis}}`;
      const value = valueIn(this.#shared, path);
      if (value === undefined || (value !== null && typeof value === 'object')) {
        this.#note(at, `\${${path.join('.')}} cannot be mapped`);
        return undefined;
      }
      return reference(['params', ...path]) ?? String(value);
    });
    return replaced.replaceAll('\\${', '${');
  }
}

/** Gives the source a place where the command looks for it. */
function link(source: string, place: string, path: string, layout: Layout): void {
  const name = inputNamed(source, path, layout);
  layout.folders.add(posix.dirname(place));
  layout.lines.push(`ln -s "$root"/\${inputs.${name}} ${place}`);
}

function inputNamed(source: string, path: string, { inputs, names }: Layout): string {
  const known = Object.entries(inputs).find(([, value]) => value === source)?.[0];
  if (known !== undefined) return known;
  const name = uniqueName(path, names);
  inputs[name] = source;
  return name;
}

/** `${params.a.b}`, if every step may stand in one. */
function reference(path: readonly string[]): string | undefined {
  return path.every((step) => /^[A-Za-z_][\w-]*$/.test(step)) ? `\${${path.join('.')}}` : undefined;
}

function setIn(object: { [key: string]: Json }, path: readonly string[], value: Json): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) object[key] = value;
  else {
    const inner = isMapping(object[key]) ? { ...(object[key] as JsonObject) } : {};
    setIn(inner, rest, value);
    object[key] = inner;
  }
}

function asName(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^(?![A-Za-z_])/, '_');
}

/** After the last part of a path: `prepare_py` for `src/prepare.py`, with the references left out. */
function uniqueName(path: string, taken: Set<string>): string {
  const stem = posix.basename(path.replace(/\$\{[^}]*\}/g, '').replace(/\/+$/, ''));
  const name = asName(stem.replace(/^[._-]+|[._-]+$/g, '') || 'data').replace(/_+/g, '_');
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${name}_${number}`;
    if (taken.has(candidate)) continue;
    taken.add(candidate);
    return candidate;
  }
}

/** `.txt` of `${item}.txt` too, and nothing of `model-${item.size}`. */
function extensionOf(path: string): string {
  const name = posix.basename(path).replace(/\$\{[^}]*\}/g, '');
  return name.includes('.') ? name.slice(name.lastIndexOf('.')) : '';
}

/** The file name inside the artifact: without the folders, and the same for every cell. */
function outputPath({ name, template, folder }: Out, stage: string): string {
  const base = posix.basename(template);
  const extension = extensionOf(base);
  const isNameless = extension === `.${name}`;
  const path = base.includes('${') ? `${isNameless ? stage : name}${extension}` : base;
  return folder ? `${name}/` : path;
}

/** Outputs that DVC recorded as folders. */
function lockedFolders(project: DvcProject): ReadonlySet<string> {
  const text = project.read(posix.join(posix.dirname(project.file), 'dvc.lock'));
  if (text === undefined) return new Set();
  const { stages } = readDocument(text, 'dvc.lock').value;
  const outs = Object.values(isMapping(stages) ? stages : {}).flatMap((stage) =>
    isMapping(stage) && Array.isArray(stage.outs) ? (stage.outs as readonly Json[]) : [],
  );
  const folders = outs.filter((out) => isMapping(out) && String(out.md5).endsWith('.dir'));
  return new Set(folders.map((out) => String((out as JsonObject).path)));
}
